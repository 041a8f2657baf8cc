/**
 * What the gateway tells of replays.
 *
 * @typedef {import('../../core/types.js').Mention} Mention
 * @typedef {import('../../core/types.js').Position} Position
 *
 * @typedef {object} Told an effect: an event, in the log or asked for
 * @property {string} id
 * @property {string} topic
 * @property {string} action
 * @property {string | null} key
 * @property {Position | null} position where it stands, if the log holds it
 * @property {'exact' | 'alike' | 'beside'} [inferred] how it was found to be an effect, where it does not say
 * @property {any} data
 *
 * @typedef {{field: string, before: any, after: any}} FieldChange what the log holds, and what is decided now
 *
 * @typedef {{kind: 'missing'} & Told | {kind: 'extra'} & Told | {kind: 'changed', effect: Told, fields: FieldChange[]}
 *   | {kind: 'reordered', log: Told[], now: Told[]} | {kind: 'fails', reason: string}} Difference
 *
 * @typedef {object} Divergence
 * @property {Mention | {id: string}} event the event that was decided about; its id alone where the log does not hold it
 * @property {string} handler
 * @property {Position | null} as_of
 * @property {Difference[]} differences
 * @property {Told[]} [same]
 * @property {Position} [follows] the event of the divergence that it follows from
 *
 * @typedef {object} Group differences that have all but the entities in common
 * @property {string} handler
 * @property {string | null} on
 * @property {Difference['kind']} kind
 * @property {string | null} effect
 * @property {string[]} fields
 * @property {number} divergent
 * @property {number} following
 *
 * @typedef {{handler: string, events: number}} Count
 *
 * @typedef {object} Report
 * @property {boolean | null} same nothing where nothing was compared
 * @property {number} entries
 * @property {{window_ms: number, exact: number, alike: number, beside: number, asked_for: Record<string, number>}} [inferred]
 * @property {number} decisions
 * @property {number} divergent
 * @property {Divergence[]} divergences
 * @property {number} consequences
 * @property {Divergence[]} following
 * @property {Group[]} groups
 * @property {number} waiting
 * @property {number} on_their_way
 * @property {number} unchecked
 * @property {number} failing
 * @property {number} unreadable
 * @property {Count[]} never_ran
 * @property {Count[]} gone
 * @property {number | null} hole
 * @property {boolean} stopped
 *
 * @typedef {{from?: string, to?: string, topic?: string, handler?: string, window_ms?: number, log?: string}} Scope
 * @typedef {{asked: Scope, entries: number, of: number, seconds: number}} Running
 * @typedef {{asked: Scope, seconds: number, entries: number, report: Report, error?: undefined}
 *   | {asked: Scope, error: string, report?: undefined}} Ended
 * @typedef {{current: Running | null, last: Ended | null}} Replays
 *
 * @typedef {{id: string, name: string, events: number}} Opened a history file that is looked at beside the log
 */

export {};
