// A history file that is opened beside the log: the same views, and no live.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { shows, stateAt } from './support/moment.js';
import { fixture } from './support/retrace.js';
import { becomes, until } from './support/until.js';
import { counted, workbench } from './support/workbench.js';

const bench = workbench({ history: fixture('happy-path') });

/** Opens a history; OrderShop v2's events have no numbers: only times tell where they are. */
async function opened(name = 'ordershop-v2-busy') {
  const body = await readFile(fixture(name));
  const headers = { 'Retrace-Name': name === 'ordershop-v2-busy' ? 'busy.jsonl' : `${name}.jsonl` };
  const answer = await fetch(`${bench.retrace.base}/api/v1/histories`, { method: 'POST', headers, body });
  const { id } = (await answer.json()).result;
  await counted(bench.retrace, id);
  return id;
}

/** @param {import('playwright-core').Page} page */
const slider = (page) => page.getByRole('slider', { name: 'Moment' });

/** @param {import('playwright-core').Page} page @param {string} position */
const stands = (page, position) => becomes(() => page.locator('.moment .label code').textContent(), position);

test('the slider goes by time, and event by event', async (t) => {
  const id = await opened();
  const { page } = await bench.open(t, `/#/state/order?log=${id}`);
  const { head } = await bench.retrace.get(`/api/v1/state?log=${id}`);
  await stands(page, head.position);
  await page.getByText('busy.jsonl').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Live' }).count(), 0);
  assert.equal(await page.locator('.moment .label b').count(), 0);
  const [min, max] = [Number(await slider(page).getAttribute('min')), Number(await slider(page).getAttribute('max'))];
  for (const part of [0.1, 0.37, 0.5, 0.81, 0.99]) {
    const time = Math.round(min + part * (max - min));
    await slider(page).fill(String(time));
    await shows(page, await stateAt(bench.retrace, new Date(time).toISOString(), 'order', `&log=${id}`));
  }
  const here = (await page.locator('.moment .label code').textContent()) ?? '';
  await until('the address is there', () => page.url().includes(`at=${here}`));
  const { events } = await bench.retrace.get(`/api/v1/log?after=${here}&limit=3&log=${id}`);
  await slider(page).focus();
  for (const { position } of events) {
    await page.keyboard.press('ArrowRight');
    await stands(page, position);
  }
  await page.keyboard.press('ArrowLeft');
  await stands(page, events[1].position);
  await page.keyboard.press('PageDown');
  await until('it has gone back', async () => Number(await slider(page).inputValue()) < Number(events[1].position.split('-')[0]) * 1000);
  await page.keyboard.press('Home');
  await page.getByText('before the first event').waitFor();
  await page.keyboard.press('ArrowRight');
  const first = (await bench.retrace.get(`/api/v1/log?after=0-0&limit=1&log=${id}`)).events[0];
  await stands(page, first.position);
});

test('links, pins and the difference stay in the history', async (t) => {
  const id = await opened();
  const { page } = await bench.open(t, `/#/state/order?log=${id}`);
  const { head } = await bench.retrace.get(`/api/v1/state?log=${id}`);
  await stands(page, head.position);
  await page.getByRole('button', { name: 'Pin B' }).click();
  await slider(page).focus();
  for (let press = 0; press < 5; press += 1) await page.keyboard.press('ArrowLeft');
  const { events } = await bench.retrace.get(`/api/v1/log?limit=6&log=${id}`);
  await stands(page, events[0].position);
  await page.getByRole('button', { name: 'Pin A' }).click();
  for (const link of ['Trace', 'History']) {
    assert.match((await page.locator('.happened').getByText(link).getAttribute('href')) ?? '', new RegExp(`\\?log=${id}$`));
  }
  await page.getByRole('link', { name: 'Compare' }).click();
  await page.getByRole('link', { name: 'all topics' }).click();
  const { count } = await bench.retrace.get(`/api/v1/diff?from=${events[0].position}&to=${head.position}&log=${id}`);
  await becomes(() => page.locator('li.changed-row').count(), count);
  await page.locator('li.changed-row .who a').first().click();
  await page.locator('.entity-card').waitFor();
  assert.match(page.url(), new RegExp(`[?&]log=${id}`));
  await page.getByRole('link', { name: 'Back to the log' }).click();
  await page.getByRole('button', { name: 'Live' }).waitFor();
});

test('a link that is clicked counts for more than the moment that the address has yet to follow', async (t) => {
  const id = await opened('ordershop-demo');
  const { page } = await bench.open(t, `/#/state/order?log=${id}`);
  const { head } = await bench.retrace.get(`/api/v1/state?log=${id}`);
  await stands(page, head.position);
  const pending = await page.evaluate(async () => {
    const shown = () => document.querySelector('.moment .label code')?.textContent ?? '';
    for (let step = 0; step < 2; step += 1) {
      const before = shown();
      document.querySelector('input[type=range]')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
      while (shown() === before) await new Promise(requestAnimationFrame);
    }
    const pending = !location.hash.includes(shown());
    /** @type {HTMLElement} */ (document.querySelector('a[href="#/state/order"]')).click();
    // Nothing happens until what is to be written is due: then all of it at once.
    for (const due = performance.now() + 300; performance.now() < due; );
    return pending;
  });
  assert.ok(pending, 'the address had yet to follow');
  await stands(page, (await bench.retrace.get('/api/v1/state')).head.position);
  await becomes(() => new URL(page.url()).hash, '#/state/order');
});

test('who goes back to the log from a longer history has a slider as long as the log', async (t) => {
  const id = await opened('ordershop-demo');
  const { page } = await bench.open(t, `/#/state/order?log=${id}`);
  const [log, history] = [await bench.retrace.get('/api/v1/state'), await bench.retrace.get(`/api/v1/state?log=${id}`)];
  assert.ok(history.head.number > log.head.number, `${history.head.number} events, and ${log.head.number} in the log`);
  await becomes(() => slider(page).getAttribute('max'), String(history.head.number));
  await slider(page).focus();
  await page.keyboard.press('ArrowLeft');
  await becomes(() => slider(page).inputValue(), String(history.head.number - 1));
  await page.getByRole('link', { name: 'Back to the log' }).click();
  await becomes(() => slider(page).getAttribute('max'), String(log.head.number));
  await stands(page, log.head.position);
  assert.equal(await slider(page).inputValue(), String(log.head.number));
});
