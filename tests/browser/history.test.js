// The life of a row: each version that the gateway knows, what changed, why, and what comes next.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { fixture, Retrace } from './support/retrace.js';
import { entries, longestOrder } from './support/story.js';
import { becomes } from './support/until.js';
import { workbench } from './support/workbench.js';

const DEMO = 'ordershop-demo';
const bench = workbench({ history: fixture(DEMO) });
const foreign = workbench({ history: fixture('ordershop-v2-busy') });
const { id: order } = longestOrder(await entries(DEMO));
/** The inventory that most happened to: twelve versions. */
const STOCK = '2b8321ca-5c41-5b92-a845-1b3ab66b4ff6';

/** @typedef {import('playwright-core').Page} Page */

const versions = (/** @type {Page} */ page) => page.locator('.version');

/** @param {Page} page */
const positions = (page) => versions(page).evaluateAll((all) => all.map((one) => one.getAttribute('data-position')));

/** What fields became, version by version: old and new, as far as there are. @param {Page} page */
const became = (page) =>
  versions(page).evaluateAll((all) =>
    all.map((one) =>
      Object.fromEntries(
        [...one.querySelectorAll('.became > div')].map((field) => [
          field.querySelector('dt')?.textContent,
          [...field.querySelectorAll('.old, .new')].map((value) => value.textContent?.trim()),
        ]),
      ),
    ),
  );

/** @param {Retrace} retrace @param {string} path */
const life = async (retrace, path) => (await retrace.get(`/api/v1/history/${path}`)).chapters;

/** What the page should say of a chapter's fields. @param {any} chapter */
function told({ kind, fields }) {
  const short = (/** @type {any} */ value) => (/^[0-9a-f-]{36}$/.test(value) ? `${value.slice(0, 8)}…` : String(value));
  const wanted = Object.entries(fields).filter(([name]) => name !== 'entity_id');
  return Object.fromEntries(
    wanted.map(([name, [before, after]]) => [name, kind === 'created' ? [short(after)] : [short(before), short(after)]]),
  );
}

for (const path of [`order/${order}`, `inventory/${STOCK}`]) {
  test(`the versions of ${path.split('/')[0]} are the gateway's, with what changed`, async (t) => {
    const chapters = await life(bench.retrace, path);
    const { page } = await bench.open(t, `/#/history/${path}`);
    await becomes(() => positions(page), chapters.map((/** @type {any} */ { event }) => event.position));
    assert.deepEqual(await became(page), chapters.map(told));
    const numbers = await page.locator('.version header .hint').allTextContents();
    assert.deepEqual(numbers, chapters.map((/** @type {any} */ { event }) => `#${event.number}`));
  });
}

test('each version says why, when and after how long, and leads on', async (t) => {
  const [, second] = await life(bench.retrace, `inventory/${STOCK}`);
  const { event, origin } = second;
  const { page } = await bench.open(t, `/#/history/inventory/${STOCK}`);
  const one = versions(page).nth(1);
  const why = (await one.locator('.why').textContent())?.replaceAll(/\s+/g, ' ').trim();
  assert.equal(why, `Saga inventory reacted to order created ${origin.cause.key.slice(0, 8)}… 17 ms before`);
  assert.equal(await one.locator('.gap').textContent(), '+201 ms');
  const links = await one.locator('a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  assert.deepEqual(links, [
    `#/state?at=${event.position}`,
    `#/state/inventory/${STOCK}?at=${event.position}`,
    `#/trace/${event.id}`,
    `#/trace/${origin.cause.id}`,
    `#/state/order/${origin.cause.key}?at=${origin.cause.position}`,
  ]);
  await one.getByText('Trace', { exact: true }).click();
  await page.locator('[role=treeitem]').first().waitFor();
  assert.equal(new URL(page.url()).hash, `#/trace/${event.id}`);
  await page.goBack();
  await versions(page).first().waitFor();
});

test('a life is told up to a moment, and reload keeps that', async (t) => {
  const chapters = await life(bench.retrace, `inventory/${STOCK}`);
  const at = chapters[4].event.position;
  const { page } = await bench.open(t, `/#/history/inventory/${STOCK}?at=${at}`);
  const expected = chapters.slice(0, 5).map((/** @type {any} */ { event }) => event.position);
  await becomes(() => positions(page), expected);
  assert.equal(await page.locator('.now').count(), 0, 'what comes is not part of it');
  await page.reload();
  await becomes(() => positions(page), expected);
  await page.getByText('Up to now').click();
  await becomes(() => versions(page).count(), chapters.length);
});

test('what happens to it appears, once and in order', async (t) => {
  const { retrace } = bench;
  const [id] = [await retrace.post('/customer', { name: 'Ida', email: 'ida@shop.example' })].flat();
  const { page } = await bench.open(t, `/#/history/customer/${id}`);
  await becomes(() => versions(page).count(), 1);
  await page.locator('.connection.live').waitFor();
  for (const name of ['Ida B.', 'Ida C.', 'Ida D.']) {
    await retrace.result('PUT', `/customer/${id}`, { name, email: 'ida@shop.example' });
  }
  await retrace.result('DELETE', `/customer/${id}`);
  const chapters = await life(retrace, `customer/${id}`);
  assert.equal(chapters.length, 5);
  await becomes(() => positions(page), chapters.map((/** @type {any} */ { event }) => event.position));
  const names = (await became(page)).map(({ name }) => name);
  assert.deepEqual(names, [['Ida'], ['Ida', 'Ida B.'], ['Ida B.', 'Ida C.'], ['Ida C.', 'Ida D.'], ['Ida D.']]);
  assert.equal(await page.locator('.version.fresh').count(), 4);
  assert.equal(await page.locator('.name .badge').textContent(), 'deleted');
});

test('a row that came back, and a life of many pages', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'retrace-browser-history-'));
  t.after(() => rm(folder, { recursive: true }));
  const event = (/** @type {number} */ index, /** @type {string} */ what, /** @type {string} */ name) => JSON.stringify({
    stream: 'events:customer',
    id: `${1_700_000_000_000 + index * 1_000}-0`,
    fields: {
      event_id: `event-${index}`,
      event_action: `entity_${what}`,
      event_data: JSON.stringify({ entity_id: 'ida', name, email: 'ida@shop.example' }),
    },
  });
  const updates = Array.from({ length: 120 }, (_, index) => event(index + 3, 'updated', `Ida ${index}`));
  const log = [event(0, 'created', 'Ida'), event(1, 'deleted', 'Ida'), event(2, 'created', 'Ida'), ...updates];
  const history = join(folder, 'ida.jsonl');
  await writeFile(history, `${log.join('\n')}\n`);
  const retrace = await Retrace.up({ history });
  t.after(() => retrace.remove());
  const page = await bench.browser.newPage();
  t.after(() => page.close());
  await page.goto(`${retrace.base}/#/history/customer/ida`);
  await becomes(async () => (await page.locator('.version h2').allTextContents()).slice(0, 4), ['created', 'deleted', 'created again', 'updated']);
  assert.equal(await versions(page).count(), 50);
  const chapters = (await retrace.get('/api/v1/history/customer/ida?limit=1000')).chapters;
  const all = chapters.map((/** @type {any} */ { event }) => event.position);
  assert.equal(all.length, 123);
  for (const [from, to] of [[50, 100], [100, 123]]) {
    await page.getByText('Later versions').click();
    await becomes(() => positions(page), all.slice(from, to));
  }
  await page.reload();
  await becomes(() => positions(page), all.slice(100));
  assert.equal(await page.getByText('Later versions').count(), 0);
  await page.getByText('From the beginning').click();
  await becomes(() => positions(page), all.slice(0, 50));
});

test('how sure a cause is that nobody wrote down', async (t) => {
  const { events } = await foreign.retrace.get('/api/v1/log?topic=inventory&limit=1000');
  const { key } = events.at(-1);
  const chapters = await life(foreign.retrace, `inventory/${key}`);
  const fits = { exact: 'inferred, fits exactly', alike: 'inferred, fits roughly' };
  const expected = chapters.flatMap((/** @type {any} */ { origin }) => fits[/** @type {'exact'} */ (origin.inferred)] ?? []);
  assert.ok(expected.length > 0);
  const { page } = await foreign.open(t, `/#/history/inventory/${key}`);
  await becomes(() => positions(page), chapters.map((/** @type {any} */ { event }) => event.position));
  assert.deepEqual(await page.locator('.version .badge').allTextContents(), expected);
  const [time] = await page.locator('.version .moment a').allTextContents();
  assert.equal(time, chapters[0].event.time.replace('T', ' ').slice(0, 23));
});

test('a row that never was is said, and any can be named', async (t) => {
  const { page, watch } = await bench.open(t, '/#/history');
  watch.excuse(/status of 404/);
  await page.getByLabel('Topic').selectOption('order');
  await page.getByLabel('Key').fill('nobody');
  await page.keyboard.press('Enter');
  const { head } = await bench.retrace.get('/api/v1/status');
  await becomes(() => page.locator('.problem p').allTextContents(), [`no order nobody has existed up to ${head.position}`]);
  assert.equal(new URL(page.url()).hash, '#/history/order/nobody');
});

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  test(`everybody can use it, ${colorScheme}`, async (t) => {
    for (const address of [`/#/history/order/${order}`, '/#/history']) {
      const { page } = await bench.open(t, address, { colorScheme });
      await page.locator('.version, form').first().waitFor();
      assert.deepEqual(await serious(page), []);
    }
  });
}

test('on a narrow page nothing is cut off', async (t) => {
  const { page } = await bench.open(t, `/#/history/inventory/${STOCK}`, { viewport: NARROW });
  await versions(page).first().waitFor();
  const [wide, is] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.equal(wide, is);
});
