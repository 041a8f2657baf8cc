// Replay: a log is verified, and what differs is found, opened, and jumped from.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { fixture } from './support/retrace.js';
import { becomes, until } from './support/until.js';
import { workbench } from './support/workbench.js';

/** @typedef {import('playwright-core').Page} Page */

const bench = workbench({ history: fixture('happy-path') });

/** @param {Page} page @param {string} title */
const says = (page, title) => becomes(() => page.locator('.said-big').allTextContents(), [title]);

/** @param {Page} page */
const verify = (page) => page.getByRole('button', { name: 'Verify' }).click();

/** The fixture with a stock that nobody left behind. @returns {Promise<{buffer: Buffer, order: string, at: string, event: string}>} */
async function tampered() {
  const lines = (await readFile(fixture('happy-path'), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line));
  const order = lines.find(({ stream, fields }) => stream === 'events:order' && fields.event_action === 'entity_created');
  const sold = lines.find(({ stream, fields }) => stream === 'events:inventory' && fields.event_action === 'entity_updated');
  sold.fields.event_data = JSON.stringify({ ...JSON.parse(sold.fields.event_data), amount: 7 });
  const buffer = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return { buffer, order: JSON.parse(order.fields.event_data).entity_id, at: order.id, event: order.fields.event_id };
}

test('the log of this program is the same, all of it and a part', async (t) => {
  const { page } = await bench.open(t, '/#/replay');
  await page.getByText('Nothing has been verified yet').waitFor();
  await verify(page);
  const { report } = await until('it has ended', async () => (await bench.retrace.get('/api/v1/replays')).last);
  await says(page, `${report.decisions} decisions made again, all the same`);
  await page.getByLabel('Decisions of saga').selectOption('shipping');
  await verify(page);
  await says(page, '3 decisions made again, all the same');
  await page.reload();
  await says(page, '3 decisions made again, all the same');
  assert.match(page.url(), /#\/replay\?handler=shipping$/);
  assert.equal(await page.getByLabel('Decisions of saga').inputValue(), 'shipping');
});

test('of what the log has no decision nothing is compared', async (t) => {
  const { page } = await bench.open(t, '/#/replay?handler=shipping&topic=customer');
  await verify(page);
  await says(page, 'Nothing was compared');
});

test('a divergence is found in a tampered fixture, opened, and jumped from', async (t) => {
  const { page } = await bench.open(t, '/#/replay');
  const { buffer, order, at, event } = await tampered();
  await page.locator('input[type=file]').setInputFiles({ name: 'tampered.jsonl', mimeType: 'application/jsonl', buffer });
  await page.getByLabel('tampered.jsonl').and(page.locator(':checked')).waitFor();
  const log = new URLSearchParams(page.url().split('?')[1]).get('log');
  await verify(page);
  await until('it has ended', async () => (await bench.retrace.get('/api/v1/replays')).last?.asked.log === log);
  const { report } = (await bench.retrace.get('/api/v1/replays')).last;
  assert.deepEqual([report.divergent, report.divergences[0].event.position], [1, at]);
  await says(page, `1 of ${report.decisions} decisions differs`);

  const first = page.locator('.diverging').first();
  await becomes(() => first.locator('.differs').first().locator('tr.changed > *').allTextContents(), ['amount', '7', '9']);
  const opener = first.locator(':scope > .opener');
  assert.equal(await opener.getAttribute('aria-expanded'), 'true');
  await opener.press('Enter');
  await becomes(() => opener.getAttribute('aria-expanded'), 'false');
  await opener.press('Enter');
  const trace = first.getByRole('link', { name: 'Trace' }).first();
  assert.equal(await trace.getAttribute('href'), `#/trace/${event}?log=${log}`);
  await first.getByRole('link', { name: 'Jump to the event in State' }).first().click();
  await becomes(async () => page.url().replace(bench.retrace.base, ''), `/#/state/order/${order}?at=${at}&log=${log}`);
  await page.getByText('tampered.jsonl').first().waitFor();
  await page.goBack();
  await says(page, `1 of ${report.decisions} decisions differs`);
});

test('what another program wrote differs in three ways', async (t) => {
  const { page } = await bench.open(t, '/#/replay');
  await page.locator('input[type=file]').setInputFiles(fixture('ordershop-v2-busy'));
  await page.getByLabel('ordershop-v2-busy.jsonl').and(page.locator(':checked')).waitFor();
  await verify(page);
  await says(page, '45 of 1,700 decisions differ');
  const groups = page.locator('button.group');
  await becomes(() => groups.locator('.many').allTextContents(), ['24', '22', '15']);
  await becomes(() => page.locator('.diverging').count(), 24 - (await twice()));
  await groups.nth(1).press('Enter');
  await becomes(() => page.locator('.diverging').count(), 22);
  await becomes(() => page.locator('.differs').first().locator('tr.changed > *').allTextContents().then((cells) => cells.slice(-3)), [
    'status',
    '–',
    'SHIPPED',
  ]);
  assert.match((await page.locator('.notes').textContent()) ?? '', /1,807 effects, by content within 10 s of their causes: 1,240 exact, 567 alike/);
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const { page: other } = await bench.open(t, '/#/replay', { colorScheme, viewport: NARROW });
    // The address chooses the gateway's own log, which this is not the verdict on.
    await says(other, 'ordershop-v2-busy.jsonl: 45 of 1,700 decisions differ');
    await other.locator('.verdict.other').waitFor();
    assert.deepEqual(await serious(other), []);
    assert.equal(await other.evaluate(() => document.documentElement.scrollWidth), NARROW.width);
  }
});

/** How many differences of the first kind are in a decision that has another one of it. */
async function twice() {
  const { divergences } = (await bench.retrace.get('/api/v1/replays')).last.report;
  const counts = divergences.map((/** @type {any} */ { differences }) => differences.filter((/** @type {any} */ { kind }) => kind === 'changed').length);
  return counts.reduce((/** @type {number} */ sum, /** @type {number} */ count) => sum + Math.max(0, count - 1), 0);
}

test('a file that is no history is refused in words', async (t) => {
  const { page, watch } = await bench.open(t, '/#/replay');
  watch.excuse(/status of 422/);
  await page.locator('input[type=file]').setInputFiles({ name: 'no.jsonl', mimeType: 'text/plain', buffer: Buffer.from('{"a": 1}\n') });
  await page.locator('.logs .problem').waitFor();
  assert.match((await page.locator('.logs .problem').textContent()) ?? '', /line 1/);
});
