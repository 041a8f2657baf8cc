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
 * @typedef {object} Mention an event as others refer to it
 * @property {string} id
 * @property {string} topic
 * @property {string} action
 * @property {string | null} key
 * @property {Position} position
 * @property {number | null} number
 * @property {string | null} time
 *
 * @typedef {'exact' | 'alike'} Fit how well a cause fits that nobody wrote down
 *
 * @typedef {object} Origin why an event happened
 * @property {string} [command]
 * @property {string} [handler]
 * @property {Mention} [cause]
 * @property {Fit} [inferred]
 *
 * @typedef {object} Chapter a version of a row, or its end
 * @property {Mention} event
 * @property {string} topic
 * @property {string} key
 * @property {'created' | 'changed' | 'deleted'} kind
 * @property {any} before
 * @property {any} after
 * @property {Record<string, [any, any]>} fields
 * @property {Origin} origin
 *
 * @typedef {object} Life
 * @property {Chapter[]} chapters
 * @property {boolean} more
 * @property {boolean} searched whether causes that nobody wrote down were looked for everywhere
 *
 * @typedef {object} Caused a node of a trace
 * @property {'command' | 'event' | 'missing'} kind
 * @property {string} [id] of a command, or of an event that is missing
 * @property {string} [handler]
 * @property {Mention} [event]
 * @property {Fit} [inferred]
 * @property {true} [asked]
 * @property {any} [fate] what became of a command that led to no event
 * @property {Caused[]} effects
 *
 * @typedef {object} Trace
 * @property {Caused} root
 * @property {number} events
 * @property {boolean} truncated
 * @property {boolean} searched
 *
 * @typedef {object} Change what happened to a row
 * @property {string} topic
 * @property {string} key
 * @property {any} before the row, or null where there was none
 * @property {any} after the row, or null where there is none
 *
 * @typedef {object} State everything as it stood at a moment
 * @property {Place} at
 * @property {Place} head
 * @property {LogEvent | null} event the last one by then
 * @property {Change | null} change what that event did to its row
 * @property {Record<string, number | null>} counts rows of each topic
 * @property {string} [topic] whose rows these are
 * @property {{key: string, row: any}[]} [rows] a page of them, by key
 * @property {string | null} [next] after which key the next page begins
 *
 * @typedef {object} Entity a row as it stood at a moment
 * @property {Place} at
 * @property {string} topic
 * @property {string} key
 * @property {any} row nothing where there was none
 * @property {Position | null} version the event that made it so
 * @property {any} [exists_later] whether there is one after that
 */

export {};
