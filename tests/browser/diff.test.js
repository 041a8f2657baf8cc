// What changed between two moments that were pinned on the slider.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { arrived, numberOf, stateAt } from './support/moment.js';
import { fixture } from './support/retrace.js';
import { becomes, until } from './support/until.js';
import { workbench } from './support/workbench.js';

const bench = workbench({ history: fixture('ordershop-demo') });

/** @typedef {import('playwright-core').Page} Page */

/** The changes that are shown: topic, kind, key, and each field with what it was and is. @param {Page} page */
const changes = (page) =>
  page.locator('.changed-row:not(.titles)').evaluateAll((rows) =>
    rows.map((row) => {
      const fields = [...row.querySelectorAll('.changes tbody tr')].map((line) =>
        [...line.children].map((cell) => cell.querySelector('a.entity')?.getAttribute('title') ?? (cell.querySelector('.text') ?? cell).textContent?.trim()),
      );
      return [row.querySelector('.badge')?.textContent, row.querySelector('.who a')?.getAttribute('title'), fields];
    }),
  );

/** The same as the gateway has it. @param {string} query @returns {Promise<[string, string, string[][]][]>} */
async function expected(query) {
  const { topics } = await bench.retrace.get('/api/v1/topics');
  const { changes } = await bench.retrace.get(`/api/v1/diff?${query}`);
  return changes.map((/** @type {any} */ { topic, key, kind, before, after }) => {
    const { fields, kind: nature } = topics.find((/** @type {any} */ { name }) => name === topic);
    const content = (/** @type {any} */ row) => (row && nature === 'journal' ? JSON.parse(row.event_data) : row);
    const told = (/** @type {any} */ row, /** @type {any} */ field) => {
      const value = content(row)?.[field.name];
      if (value === undefined) return '–';
      if (value === null) return 'none';
      if (field.kind === 'reference') return `${field.topic} ${value}`;
      if (field.kind === 'references') return `${field.topic} ${value[0]}`;
      if (field.kind === 'seconds' && value > 0) return new Date(value * 1000).toISOString().replace('T', ' ').replace('Z', '');
      return String(value).slice(0, 160).trim();
    };
    const isOther = (/** @type {any} */ { name }) => JSON.stringify(content(before)?.[name]) !== JSON.stringify(content(after)?.[name]);
    const rows = fields.filter(isOther).map((/** @type {any} */ field) => [field.name, told(before, field), told(after, field)]);
    return [kind, `${topic} ${key}`, rows];
  });
}

test('two moments are pinned on the slider, and compared as the gateway does', async (t) => {
  const { page } = await bench.open(t, '/#/state/order?at=%23400');
  await arrived(page);
  await page.getByRole('button', { name: 'Pin A' }).click();
  await page.getByRole('slider', { name: 'Moment' }).fill('430');
  // The thumb is there before the moment is.
  const { position } = await stateAt(bench.retrace, '#430', 'order');
  await becomes(() => page.locator('.moment .label code').textContent(), position);
  await page.getByRole('button', { name: 'Pin B' }).click();
  await page.getByRole('link', { name: 'Compare' }).click();
  await becomes(() => changes(page), await expected('from=%23400&to=%23430&topic=order'));
  await page.getByRole('link', { name: 'all topics' }).click();
  await becomes(() => changes(page), await expected('from=%23400&to=%23430'));
  await page.getByRole('button', { name: 'Swap the moments' }).click();
  await becomes(() => changes(page), await expected('from=%23430&to=%23400'));
  await page.locator('.ends a', { hasText: '#400' }).click();
  await arrived(page);
  assert.equal(await numberOf(page), 400);
  await page.getByRole('button', { name: 'A #430' }).waitFor();
});

test('groups tell how many rows were created, changed and deleted', async (t) => {
  const query = 'from=%230&to=%23900';
  const { page } = await bench.open(t, `/#/diff?${query}`);
  const told = await bench.retrace.get(`/api/v1/diff?${query}`);
  const counts = (/** @type {string} */ topic) => {
    const kinds = told.changes.filter((/** @type {any} */ change) => change.topic === topic).map((/** @type {any} */ { kind }) => kind);
    return ['created', 'changed', 'deleted']
      .map((kind) => [kinds.filter((/** @type {string} */ other) => other === kind).length, kind])
      .filter(([count]) => count !== 0)
      .map((part) => part.join(' '));
  };
  for (const topic of ['billing', 'order', 'mail']) {
    await becomes(() => page.locator(`section[aria-labelledby="changed-${topic}"] .over .badge`).allTextContents(), counts(topic));
  }
  const mails = page.locator('section[aria-labelledby="changed-mail"]');
  assert.equal(await mails.locator('li').count(), 50);
  await mails.getByRole('button', { name: /^Show \d+ more$/ }).click();
  const many = told.changes.filter((/** @type {any} */ { topic }) => topic === 'mail').length;
  await becomes(() => mails.locator('li').count(), many);
});

test('an answer that leaves something out says so', async (t) => {
  const { page } = await bench.open(t, '/#/state');
  await page.route('**/api/v1/diff?*', async (route) => {
    const answer = await (await route.fetch()).json();
    answer.result.truncated = true;
    answer.result.changes.length = 3;
    await route.fulfill({ json: answer });
  });
  await page.goto(`${bench.retrace.base}/#/diff?from=%230&to=%2350`);
  const { count } = await bench.retrace.get('/api/v1/diff?from=%230&to=%2350');
  await page.getByText(`${count} rows changed; these are the first 3.`).waitFor();
});

test('changes never stand under other moments than theirs', async (t) => {
  const { page } = await bench.open(t, '/#/diff?from=%23400&to=%23430');
  await becomes(() => changes(page), await expected('from=%23400&to=%23430'));
  let isReleased = false;
  await page.route('**/api/v1/diff?*', async (route) => {
    await until('nothing is shown', () => isReleased);
    await route.continue();
  });
  await page.getByRole('button', { name: 'Swap the moments' }).click();
  await becomes(() => changes(page), []);
  isReleased = true;
  await becomes(() => changes(page), await expected('from=%23430&to=%23400'));
});

test('without moments they are asked for, and what is none is told', async (t) => {
  const { page, watch } = await bench.open(t, '/#/diff');
  watch.excuse(/status of 4\d\d/);
  await page.getByLabel('From').fill('10');
  await page.getByLabel('To', { exact: true }).fill('12');
  await page.getByRole('button', { name: 'Compare' }).click();
  await becomes(() => changes(page), await expected('from=%2310&to=%2312'));
  await page.getByText('Other moments').click();
  await page.getByLabel('To', { exact: true }).fill('10');
  await page.getByRole('button', { name: 'Compare' }).click();
  await page.getByText('No row is different at these two moments.').waitFor();
  await page.getByLabel('To', { exact: true }).fill('never');
  await page.getByRole('button', { name: 'Compare' }).click();
  await page.getByRole('alert').filter({ hasText: '"never" is no moment' }).waitFor();
});

test('nobody finds anything seriously wrong, in light and dark, wide and narrow, and nothing sticks out', async (t) => {
  for (const look of /** @type {const} */ ([{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'light', viewport: NARROW }])) {
    for (const address of ['/#/diff', '/#/diff?from=%23400&to=%23430']) {
      const { page } = await bench.open(t, address, look);
      await page.getByRole('heading', { name: 'What changed' }).waitFor();
      if (address.includes('from')) await page.locator('.changed-row').first().waitFor();
      assert.deepEqual(await serious(page), []);
      const [wide, there] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= there, `${address} is ${wide} wide in ${there}`);
    }
  }
});
