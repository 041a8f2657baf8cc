/** What came of a replay, in the words of `retrace replay verify`. */

import { count, duration, plural } from '../../core/format.js';

/** @typedef {import('./types.js').Report} Report */
/** @typedef {{tone: '' | 'good' | 'warn' | 'bad', title: string, more: string}} Verdict */

/**
 * What it comes to.
 *
 * @param {Report} report
 * @returns {Verdict}
 */
export function verdict(report) {
  const { same, decisions, divergent, consequences, gone, unchecked, failing, stopped } = report;
  if (same === null) {
    return { tone: 'warn', title: 'Nothing was compared', more: 'Of what was asked for the log has no decision of a saga.' };
  }
  if (same && unchecked + failing === 0) {
    const more = 'Today’s sagas would do what the log has of them.';
    return { tone: 'good', title: `${plural(decisions, 'decision')} made again, all the same`, more };
  }
  if (same) {
    return { tone: 'warn', title: `${plural(decisions, 'decision')} made again, the same as far as that can be done`, more: '' };
  }
  const more = [
    consequences > 0 && `${count(consequences)} more ${consequences === 1 ? 'follows' : 'follow'} from others.`,
    gone.length > 0 && divergent > 0 && `The domain does not have ${plural(gone.length, 'saga')} of the log.`,
    stopped && 'Stopped at the first.',
  ];
  const title =
    divergent > 0
      ? `${count(divergent)} of ${plural(decisions, 'decision')} ${divergent === 1 ? 'differs' : 'differ'}`
      : consequences > 0
        ? `${plural(consequences, 'decision')} would follow from others`
        : `The domain does not have ${plural(gone.length, 'saga')} of the log`;
  return { tone: 'bad', title, more: more.filter(Boolean).join(' ') };
}

/**
 * What else there is to know, each with a name and how serious it is.
 *
 * @param {Report} report
 * @returns {{name: string, text: string, tone?: 'warn' | 'bad', more?: string}[]}
 */
export function notes(report) {
  const { inferred, waiting, on_their_way: sent, unchecked, failing, unreadable, hole } = report;
  const late = 'made too long before they were committed to be made again';
  /** @type {(false | {name: string, text: string, tone?: 'warn' | 'bad', more?: string})[]} */
  const all = [
    { name: 'decided', text: `${plural(report.decisions, 'decision')} again, of ${plural(report.entries, 'entry', 'entries')}` },
    ...(inferred ? guessed(inferred) : []),
    waiting > 0 && { name: 'waiting', text: plural(waiting, 'event not reacted to yet', 'events not reacted to yet') },
    sent > 0 && { name: 'on their way', text: plural(sent, 'command of a saga not served yet', 'commands of sagas not served yet') },
    unchecked > 0 && { name: 'unchecked', text: `${plural(unchecked, 'decision')} ${late}`, tone: 'warn' },
    failing > 0 && {
      name: 'failing',
      text: `${plural(failing, 'event')} that a saga fails on, without a reaction in the log`,
      tone: 'warn',
    },
    unreadable > 0 && {
      name: 'unreadable',
      text: plural(unreadable, 'entry, which nobody reacts to', 'entries, which nobody reacts to'),
      tone: 'warn',
    },
    hole !== null && { name: 'hole', text: `event ${hole} is missing; what rests on it may differ for that`, tone: 'bad' },
    ...report.never_ran.map(({ handler, events }) => ({
      name: 'never ran',
      text: `${handler}, which would react to ${plural(events, 'event')}`,
    })),
    ...report.gone.map(({ handler, events }) => ({
      name: 'gone',
      text: `${handler}, of which the log has ${plural(events, 'event')}; the domain has no such saga`,
      tone: /** @type {const} */ ('bad'),
    })),
  ];
  return all.flatMap((note) => note || []);
}

/**
 * What was found out about a log that does not say where its events came from.
 *
 * @param {NonNullable<Report['inferred']>} inferred
 */
function guessed({ window_ms: ms, exact, alike, beside, asked_for: asked }) {
  const more = beside > 0 ? `, ${count(beside)} beside what is decided` : '';
  const fit = `${count(exact)} exact, ${count(alike)} alike${more}`;
  const clients = Object.values(asked).reduce((sum, events) => sum + events, 0);
  return [
    {
      name: 'inferred',
      text: `${plural(exact + alike + beside, 'effect')}, by content within ${duration(ms / 1000)} of their causes: ${fit}`,
      more: 'Ids, the order of different rows and the wording of facts are not compared.',
    },
    { name: 'asked for', text: `${plural(clients, 'event')} that no saga would have appended, taken to be what clients asked for` },
  ];
}

/** What each kind of difference means. @type {Record<import('./types.js').Difference['kind'], [string, string]>} */
export const KINDS = {
  missing: ['missing', 'decided today, not in the log'],
  extra: ['extra', 'in the log, not decided today'],
  changed: ['changed', 'decided otherwise today'],
  reordered: ['reordered', 'the same, in another order'],
  fails: ['fails', 'the saga fails today'],
};

/**
 * What a group is told apart by.
 *
 * @param {import('./types.js').Group} group
 */
export const nameOf = ({ handler, on, kind, effect, fields }) => JSON.stringify([handler, on, kind, effect, fields]);

/**
 * The groups that a divergence is in.
 *
 * @param {import('./types.js').Divergence} divergence
 */
export function groupsOf({ handler, event, differences }) {
  const on = 'topic' in event ? `${event.topic} ${event.action}` : null;
  return differences.map((difference) => {
    const told = 'effect' in difference ? difference.effect : 'topic' in difference ? difference : null;
    const fields = 'fields' in difference ? difference.fields.map(({ field }) => field) : [];
    const effect = told && `${told.topic} ${told.action}`;
    return nameOf({ handler, on, kind: difference.kind, effect, fields, divergent: 0, following: 0 });
  });
}
