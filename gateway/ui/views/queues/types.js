/**
 * What the gateway tells of queues.
 *
 * @typedef {object} Depth how full a service's queue is
 * @property {string} service
 * @property {number} waiting
 * @property {number} claimed
 * @property {number} dead
 *
 * @typedef {'waiting' | 'claimed' | 'dead'} State
 *
 * @typedef {object} Command
 * @property {State} state
 * @property {string} id
 * @property {number} attempts that have failed
 * @property {string} [topic]
 * @property {'create' | 'update' | 'delete' | 'record'} [intent]
 * @property {any} [data]
 * @property {string | null} [since] when it was sent, RFC 3339
 * @property {string} [cause] the event that it is a reaction to
 * @property {string} [handler] the saga that sent it
 * @property {string} [text] the command as it stands, where it can't be read
 * @property {string} [unreadable] why
 * @property {string} [error] of the last attempt
 * @property {string} [worker]
 * @property {string | null} [lease_ends]
 *
 * @typedef {Depth & {commands: Command[], next: string | null}} Listing
 *
 * @typedef {object} Parked an entry that a consumer could not process
 * @property {string} consumer
 * @property {string} topic
 * @property {string} position
 * @property {string} reason
 * @property {number} attempts
 * @property {string | null} since RFC 3339
 * @property {boolean} retry whether it is to be tried again
 *
 * @typedef {{count: number, entries: Parked[], next: string | null}} ParkedPage
 *
 * @typedef {object} Fate
 * @property {'pending' | 'done' | 'rejected' | 'dead'} status
 * @property {string} id
 * @property {number} failed_attempts
 * @property {string} [last_error]
 * @property {string} [error]
 * @property {string} [position] the last event that came of it
 * @property {any} [result]
 */

export {};
