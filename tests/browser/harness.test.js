// What fails a test: seen here on pages that do it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { serious } from './support/axe.js';
import { context, launch, Watch } from './support/browser.js';
import { until } from './support/until.js';

// As strict as the workbench's own, but that requests may go anywhere: the watch is to see them.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src *; require-trusted-types-for 'script'; " +
  "trusted-types 'none'";

/** @type {Record<string, [string, string]>} */
const FILES = {
  '/good': ['text/html', '<!doctype html><html lang="en"><title>good</title><main><h1>Good</h1></main></html>'],
  '/loud': ['text/html', '<!doctype html><title>loud</title><script src="/loud.js"></script>'],
  '/loud.js': ['text/javascript', 'console.error("loud"); setTimeout(() => { throw new Error("thrown"); });'],
  '/inline': ['text/html', '<!doctype html><title>inline</title><script>document.title = "ran";</script>'],
  '/abroad': ['text/html', '<!doctype html><title>abroad</title><script src="/abroad.js"></script>'],
  '/abroad.js': ['text/javascript', 'fetch("http://localhost:9/").catch(() => {}); new WebSocket("ws://localhost:9/ws");'],
  '/pale': [
    'text/html',
    '<!doctype html><html lang="en"><title>pale</title><link rel="stylesheet" href="/pale.css"><main><h1>Pale</h1><input></main></html>',
  ],
  '/pale.css': ['text/css', 'h1 { color: #ddd; } @media (prefers-color-scheme: dark) { body { background: #111; } }'],
};

const server = createServer((request, response) => {
  const file = FILES[request.url ?? ''];
  const headers = { 'Content-Security-Policy': POLICY, 'Content-Type': file?.[0] ?? 'text/plain' };
  response.writeHead(file ? 200 : 204, headers).end(file?.[1]);
});

/** @type {import('playwright-core').Browser} */
let browser;
let base = '';
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
  browser = await launch();
});
after(async () => {
  await browser.close();
  server.close();
});

/**
 * @param {import('node:test').TestContext} t
 * @param {string} path
 * @param {import('./support/browser.js').Look} [look]
 */
async function open(t, path, look) {
  const made = await context(browser, look);
  t.after(() => made.close());
  const watch = await Watch.over(made, base);
  const page = await made.newPage();
  await page.goto(base + path);
  return { page, watch };
}

/** What a watch has seen, once it has seen so much. @param {Watch} watch @param {number} count */
function wrong(watch, count) {
  return until(`${count} things wrong`, () => {
    try {
      watch.nothingWrong();
      return null;
    } catch (error) {
      const { actual } = /** @type {{actual: string[]}} */ (error);
      return actual.length >= count && actual.map((line) => line.replaceAll(base, ''));
    }
  });
}

test('a page that does nothing wrong passes', async (t) => {
  const { page, watch } = await open(t, '/good');
  watch.nothingWrong();
  assert.deepEqual(await serious(page), []);
});

test('errors told and errors not caught are seen', async (t) => {
  const { watch } = await open(t, '/loud');
  const [told, thrown] = await wrong(watch, 2);
  assert.equal(told, 'console: loud (/loud.js)');
  assert.match(thrown ?? '', /^uncaught: Error: thrown/);
});

test('what the policy forbids is seen, and what is excused is not', async (t) => {
  const { page, watch } = await open(t, '/inline');
  const seen = await wrong(watch, 2);
  assert.ok(seen.some((line) => line.startsWith('console: policy violated: script-src-elem inline')), seen.join('\n'));
  assert.equal(await page.title(), 'inline');
  watch.excuse(/policy violated/);
  assert.equal((await wrong(watch, 1)).length, 1);
});

test('requests to another host are seen, sockets too', async (t) => {
  const { watch } = await open(t, '/abroad');
  watch.excuse(/^console/);
  assert.deepEqual((await wrong(watch, 2)).sort(), ['a request to http://localhost:9/', 'a request to ws://localhost:9/ws']);
});

test('what somebody can not use is found, by the colours of the scheme', async (t) => {
  const ids = async (/** @type {'light' | 'dark'} */ colorScheme) => {
    const { page } = await open(t, '/pale', { colorScheme });
    return (await serious(page)).map(({ id }) => id).sort();
  };
  assert.deepEqual(await ids('light'), ['color-contrast', 'label']);
  assert.deepEqual(await ids('dark'), ['label']);
});
