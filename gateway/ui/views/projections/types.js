/**
 * What the gateway tells of read models, as far as Projections looks at it.
 *
 * @typedef {object} Checkpoint
 * @property {string} position
 * @property {number} number
 *
 * @typedef {object} ModelState
 * @property {Checkpoint} checkpoint
 * @property {string} digest of all rows
 * @property {number} version of the projection that made the rows
 * @property {number} generation
 *
 * @typedef {object} Plan
 * @property {string} [from]
 * @property {string} [to]
 * @property {boolean} [empty]
 * @property {string[]} [topics]
 *
 * @typedef {object} Beside a generation beside the served one
 * @property {ModelState} state
 * @property {'building' | 'held' | 'kept'} stage
 * @property {Plan | string} plan
 * @property {boolean} torn
 *
 * @typedef {object} Progress how far a rebuild has come
 * @property {number} generation
 * @property {'begin' | 'read' | 'write' | 'catch_up' | 'compare' | 'swap' | 'done'} phase
 * @property {number} events
 * @property {number} fraction
 * @property {string} position
 * @property {number} seconds
 * @property {number} events_per_second
 * @property {number | null} seconds_left
 *
 * @typedef {object} Difference a row that is not what it should be; rows are JSON as text
 * @property {string} topic
 * @property {string} key
 * @property {string | null} found
 * @property {string | null} expected
 *
 * @typedef {object} Differences
 * @property {number} count
 * @property {Difference[]} first
 *
 * @typedef {object} Report how a rebuild went
 * @property {number} generation
 * @property {boolean} served
 * @property {number} [replaced]
 * @property {Checkpoint} checkpoint
 * @property {string} digest
 * @property {number} version
 * @property {number} events
 * @property {Record<string, number>} rows
 * @property {boolean} resumed
 * @property {{count: number, first: [string, string, string][]}} unreadable
 * @property {string} [digest_from]
 * @property {Differences} [differences]
 * @property {Record<string, number>} phases
 * @property {number} seconds
 * @property {number} events_per_second
 *
 * @typedef {object} Rebuilds
 * @property {string} place
 * @property {ModelState & {stale: boolean}} served
 * @property {Beside[]} generations
 * @property {Progress | null} current
 * @property {{kind: 'rebuild' | 'rollback', report?: Report, error?: string} | null} last
 *
 * @typedef {object} Audited a read model held against a fresh fold
 * @property {string} place
 * @property {number} generation
 * @property {number} version
 * @property {boolean} stale
 * @property {Checkpoint} checkpoint
 * @property {string} digest of the rows that are there
 * @property {string} recorded what it says itself
 * @property {string} expected of the fold
 * @property {Record<string, number>} rows
 * @property {Differences} differences
 * @property {boolean} equal
 *
 * @typedef {object} Audit
 * @property {boolean} clean
 * @property {Checkpoint} head
 * @property {number} entries
 * @property {number} unreadable
 * @property {Audited[]} models
 * @property {{count: number, first: any[]}} disorders
 * @property {number} consumers
 * @property {any[]} astray
 *
 * @typedef {object} Audits
 * @property {{entries: number, of: number, seconds: number} | null} current
 * @property {{seconds: number, audit?: Audit, error?: string} | null} last
 */

export {};
