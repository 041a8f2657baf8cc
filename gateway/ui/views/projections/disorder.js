/** What an audit found in a log, in words. */

/** @param {{position: string, number: number}} checkpoint */
const at = ({ position, number }) => `${position} (event ${number})`;

/** @param {any} found */
export function disorderText(found) {
  switch (found.kind) {
    case 'missing': {
      const what = found.first === found.last ? `event ${found.first} is missing` : `events ${found.first} to ${found.last} are missing`;
      if (found.before === null) return `${what}, after ${found.after}, where the log ends`;
      return found.after === '0-0' ? `${what}, before ${found.before}` : `${what}, between ${found.after} and ${found.before}`;
    }
    case 'repeated':
      return `${found.position} is event ${found.number}, after event ${found.greatest} at ${found.at}`;
    case 'beyond_head':
      return `${found.position} is event ${found.last}, and the log’s head says that event ${found.head} is the last`;
    case 'shared':
      return `${found.position} is the position of two entries, in topics ${found.topics.join(' and ')}`;
    default:
      return JSON.stringify(found);
  }
}

/** @param {any} found */
export function astrayText(found) {
  switch (found.kind) {
    case 'ahead':
      return `${found.who} stands at ${at(found.at)}, ahead of the log, which ends at ${at(found.head)}`;
    case 'other_epoch':
      return `${found.who} stands in epoch ${found.epoch}, and the log has epoch ${found.current}: it was begun again`;
    default:
      return JSON.stringify(found);
  }
}
