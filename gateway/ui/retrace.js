/** What a page that a domain brings may use. */

export * from './core/html.js';
export { address, api, ApiError, del, get, post, put } from './core/api.js';
export { usePolled, useAnswer } from './core/asking.js';
export { domain, labelOf, topicOf } from './core/domain.js';
export { connection, listen } from './core/feed.js';
export * from './core/format.js';
export { go, href, route, setQuery } from './core/route.js';
export { confirm, say } from './parts/dialog.js';
export { Chip, EntityLink, EventLine, Id, Row, Text, When } from './parts/data.js';
export { Problem } from './parts/problem.js';
