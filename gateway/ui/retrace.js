/**
 * What a page that a domain brings may use.
 *
 * @typedef {import('./core/types.js').LogEvent} LogEvent
 */

export * from './core/html.js';
export { address, api, ApiError, del, get, post, put } from './core/api.js';
export { useAnswer, useFollowed, usePolled } from './core/asking.js';
export { domain, hueOf, labelOf, topicOf } from './core/domain.js';
export { connection, listen } from './core/feed.js';
export * from './core/format.js';
export { go, href, route, setQuery } from './core/route.js';
export { confirm, say } from './parts/dialog.js';
export { Chip, EntityLink, EventLine, Id, Row, Text, verbOf, When } from './parts/data.js';
export { Answer, Problem } from './parts/problem.js';
