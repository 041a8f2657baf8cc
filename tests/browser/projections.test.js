// The Projections view: the read model is made anew, held back, approved, gone back from, and proven.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { Redis } from './support/redis.js';
import { fixture, Retrace } from './support/retrace.js';
import { becomes, until } from './support/until.js';
import { workbench } from './support/workbench.js';

/** @typedef {import('playwright-core').Page} Page */

// On Redis, where a test can change a row behind the projection's back.
const bench = workbench(async () => {
  const redis = await Redis.start();
  const retrace = await Retrace.up({ store: redis.url, history: fixture('ordershop-demo') });
  const { head } = await retrace.get('/api/v1/status');
  const standsAtHead = async () => (await retrace.get('/api/v1/rebuilds')).served.checkpoint.number === head.number;
  await until('the read model has all of it', standsAtHead);
  const remove = async () => {
    await retrace.remove();
    await redis.remove();
  };
  return { retrace, redis, remove };
});

const rebuilds = () => bench.retrace.get('/api/v1/rebuilds');

/** What the table says of each generation: number and standing. @param {Page} page */
const generations = (page) =>
  page.locator('.generations tbody th').evaluateAll((cells) => cells.map((cell) => cell.textContent?.replace(/\s+/g, ' ').trim()));

/** The digests that the table shows, whole. @param {Page} page */
const digests = (page) =>
  page.locator('.generations .digest').evaluateAll((buttons) => buttons.map((button) => button.getAttribute('title')?.split(':')[0]));

/** Agrees to what is asked, having read what it is. @param {Page} page @param {RegExp} said @param {string} action */
async function agree(page, said, action) {
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.innerText(), said);
  await dialog.getByRole('button', { name: action, exact: true }).click();
}

/** Puts the served generation on a row that no event made; gives which. */
async function tamper() {
  const { served } = await rebuilds();
  const [order] = await bench.retrace.get('/orders');
  const key = order.entity_id;
  const row = JSON.stringify({ ...order, status: '<b>LOST</b>' });
  await bench.made.redis.do('HSET', `retrace:model:${served.generation}:order`, key, row);
  return { key, status: order.status, generation: served.generation };
}

test('a rebuild is started and seen to finish: another generation, the same digest', async (t) => {
  const { page } = await bench.open(t, '/#/projections');
  await becomes(() => generations(page), ['1 served']);
  const { served } = await rebuilds();
  assert.deepEqual(await digests(page), [served.digest]);
  await page.getByRole('button', { name: 'Rebuild…' }).click();
  await agree(page, /beside generation 1.*readers see until then/s, 'Rebuild');
  await becomes(() => generations(page), ['2 served', '1 kept']);
  assert.deepEqual(await digests(page), [served.digest, served.digest]);
  await becomes(() => page.locator('.last .verdict b').first().innerText(), 'Built generation 2');
  const rows = Object.values((await rebuilds()).last.report.rows).reduce((/** @type {number} */ all, rows) => all + rows, 0);
  await becomes(() => page.locator('td[data-name=rows]').allInnerTexts(), [String(rows), String(rows)]);
});

test('what is not agreed to does not happen, and the focus is where it was', async (t) => {
  const { page } = await bench.open(t, '/#/projections');
  const { served } = await rebuilds();
  const button = page.getByRole('button', { name: 'Rebuild…' });
  await button.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await becomes(() => button.evaluate((button) => button === document.activeElement), true);
  assert.equal((await rebuilds()).served.generation, served.generation);
});

test('rows that differ are held back, shown, approved and gone back from', async (t) => {
  const { key, status, generation } = await tamper();
  const { page } = await bench.open(t, '/#/projections');
  await page.getByLabel('hold back when rows differ').check();
  await page.getByRole('button', { name: 'Rebuild…' }).click();
  await agree(page, /held back until you approve it/, 'Rebuild');
  const next = generation + 1;
  await page.getByRole('heading', { name: `Generation ${next} waits for approval` }).waitFor();
  const held = page.locator('#held');
  assert.match(await held.innerText(), new RegExp(`1 row differs from generation ${generation}, which is served`));
  assert.deepEqual(await held.locator('.changes tbody tr > *').allInnerTexts(), ['status', '<b>LOST</b>', status]);
  assert.equal(await held.locator('.entity').getAttribute('href'), `#/state/order/${key}`);
  assert.deepEqual((await generations(page)).slice(0, 2), [`${generation} served`, `${next} held back`]);

  await held.getByRole('button', { name: 'Approve…' }).click();
  await agree(page, new RegExp(`1 row will read otherwise.*Generation ${generation} is kept`, 's'), 'Approve');
  await becomes(async () => (await generations(page)).at(-1), `${generation} kept`);
  // On Redis whoever goes on with a generation gives it another number.
  const after = (await rebuilds()).served.generation;
  await becomes(() => generations(page), [`${after} served`, `${generation} kept`]);
  assert.equal(await held.count(), 0);
  assert.equal((await bench.retrace.get(`/order/${key}`)).status, status);

  await page.getByRole('button', { name: 'Roll back…' }).click();
  await agree(page, new RegExp(`Readers see generation ${generation} again`), 'Roll back');
  await becomes(() => generations(page), [`${generation} served`, `${after} kept`]);
  assert.equal((await bench.retrace.get(`/order/${key}`)).status, '<b>LOST</b>');
});

test('a generation whose differences nobody remembers is compared again, and discarded', async (t) => {
  await tamper();
  const { page, watch } = await bench.open(t, '/#/projections');
  await bench.retrace.post('/api/v1/rebuilds', { approval: 'needed' });
  const held = page.locator('#held');
  await held.locator('.changes').waitFor();
  watch.excuseAway();
  await bench.retrace.stop();
  await bench.retrace.start();
  await becomes(async () => /Compare again to\s+see them/.test(await held.innerText()), true);
  await held.getByRole('button', { name: 'Compare again…' }).click();
  await agree(page, /all rows of both are compared/, 'Compare');
  await held.locator('.changes').waitFor();
  await held.getByRole('button', { name: 'Discard…' }).click();
  await agree(page, /Its rows are deleted/, 'Discard');
  await held.waitFor({ state: 'detached' });
  assert.deepEqual((await rebuilds()).generations.filter((/** @type {any} */ { stage }) => stage === 'held'), []);
});

test('an audit proves the rows, or names those that are others', async (t) => {
  await tamper();
  const { page } = await bench.open(t, '/#/projections');
  const audit = page.getByRole('region', { name: 'Audit' });
  const run = async () => {
    await audit.getByRole('button', { name: 'Audit…' }).click();
    await agree(page, /Nothing is written/, 'Audit');
  };
  await run();
  await becomes(() => audit.locator('.verdict .badge').allInnerTexts(), ['not equal']);
  assert.deepEqual(await audit.locator('.changes tbody .old').allInnerTexts(), ['<b>LOST</b>']);

  await bench.retrace.post('/api/v1/rebuilds', {});
  await until('it is rebuilt', async () => (await rebuilds()).current === null);
  await run();
  await becomes(() => audit.locator('.verdict .badge').allInnerTexts(), ['equal']);
  const { served } = await rebuilds();
  const shown = await audit.locator('.digest').evaluateAll((buttons) => buttons.map((button) => button.getAttribute('title')?.split(':')[0]));
  assert.deepEqual(shown, [served.digest, served.digest]);
  assert.match(await audit.locator('.proofs').innerText(), /none missing, positions increase.*none ahead of the log/s);
});

test('a part of it is asked for as it was typed', async (t) => {
  const { page } = await bench.open(t, '/#/projections');
  await page.getByText('Only a part of it').click();
  await page.getByLabel('Apply again what came after').fill('#900');
  await page.getByLabel('order', { exact: true }).check();
  const asked = page.waitForRequest((request) => request.method() === 'POST');
  await page.getByRole('button', { name: 'Rebuild…' }).click();
  await agree(page, /Only order will be folded anew.*as of #900/s, 'Rebuild');
  assert.deepEqual((await asked).postDataJSON(), { approval: 'not_needed', from: '#900', topics: ['order'] });
  await becomes(async () => (await rebuilds()).last.report?.digest_from?.length, 32);
  await page.getByText('digest it started from').waitFor();
});

test('everybody can use it, and it fits a telephone', async (t) => {
  await tamper();
  await bench.retrace.post('/api/v1/rebuilds', { approval: 'needed' });
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const { page } = await bench.open(t, '/#/projections', { colorScheme, viewport: NARROW });
    await page.locator('#held .changes').waitFor();
    assert.deepEqual(await serious(page), []);
    assert.equal(await page.evaluate(() => document.querySelector('main')?.scrollWidth), NARROW.width);
  }
});
