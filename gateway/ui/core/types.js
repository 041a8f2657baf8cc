/**
 * What the gateway answers with, as far as the workbench looks at it; `/openapi.json` has all of it.
 *
 * @typedef {string} Position a place in the log: `milliseconds-sequence`
 *
 * @typedef {object} Place a position with what is known of it
 * @property {Position} position
 * @property {number | null} number ordinal in the log, from 1; none in logs that other programs wrote
 * @property {string | null} time RFC 3339
 *
 * @typedef {object} LogEvent an event as clients see it
 * @property {string} action `order_created`
 * @property {any} data the whole entity
 * @property {number} ts seconds since 1970
 * @property {string} topic
 * @property {Position} position
 * @property {number | null} number
 * @property {string | null} key the row it is about
 * @property {string} event_id
 * @property {string | null} cause the event that it is a reaction to
 * @property {string | null} handler the saga that it came of
 * @property {string} [command] the command that it came of
 *
 * @typedef {object} Field
 * @property {string} name
 * @property {'text' | 'integer' | 'seconds' | 'reference' | 'references' | 'choice'} kind
 * @property {string} [topic] what a reference refers to
 * @property {string[]} [choices]
 * @property {number} [min]
 * @property {any} [initially]
 * @property {boolean} may_be_empty
 * @property {boolean} personal
 *
 * @typedef {object} Topic
 * @property {string} name
 * @property {string} plural
 * @property {'entity' | 'journal'} kind
 * @property {string} service
 * @property {Field[]} fields
 *
 * @typedef {object} Domain
 * @property {string} domain its name
 * @property {Topic[]} topics
 * @property {{name: string, title: string}[]} pages
 * @property {{name: string, triggers: [string, string][], reads: string[]}[]} sagas
 *
 * @typedef {object} Change what happened to a row
 * @property {string} topic
 * @property {string} key
 * @property {any} before the row, or null where there was none
 * @property {any} after the row, or null where there is none
 */

export {};
