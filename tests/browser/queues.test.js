// The Queues view: what waits, what is in hand, what has died, and what is done about that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { busyShop, queue } from './support/queues.js';
import { Retrace } from './support/retrace.js';
import { becomes } from './support/until.js';
import { workbench } from './support/workbench.js';

/** @typedef {import('playwright-core').Page} Page */

const SERVICE = 'order-service';
const bench = workbench(busyShop);

/** The numbers of a service, as the overview tells them. @param {Page} page @param {string} service */
const told = (page, service) =>
  page.locator('.depths tbody tr', { has: page.getByRole('link', { name: service, exact: true }) }).locator('td').allInnerTexts();

/** The commands that are listed. @param {Page} page */
const ids = (page) => page.locator('.commands .id').evaluateAll((ids) => ids.map((id) => id.getAttribute('title')));

/** What has been said, without the button beside it. @param {Page} page */
const said = (page) => page.locator('.said p').evaluateAll((said) => said.map((one) => one.firstChild?.textContent?.trim()));

/** A dead letter of its own, from what waits. */
async function dead() {
  const { commands } = await bench.retrace.get(`/api/v1/queues/${SERVICE}?state=waiting&limit=1`);
  const [{ id }] = commands;
  const { redis } = bench.made;
  await redis.do('LREM', `retrace:queue:${SERVICE}`, '1', id);
  await redis.do('HSET', `retrace:command:${id}`, 'failed', '3', 'error', 'no stock', 'outcome', '{"status":"dead","error":"no stock"}');
  await redis.do('RPUSH', `retrace:dead:${SERVICE}`, id);
  return id;
}

test('each service is told with its numbers, and they move by themselves', async (t) => {
  const { page } = await bench.open(t, '/#/queues');
  await becomes(() => told(page, 'order'), ['3', '1', '2']);
  await becomes(() => told(page, 'customer'), ['2', '0', '0']);
  assert.match(await page.locator('.one').innerText(), /2 dead letters of order-service/);
  bench.retrace.ask('POST', '/customer', { name: 'Kim', email: 'kim@shop.example' }).catch(() => {});
  await becomes(() => told(page, 'customer'), ['3', '0', '0']);
});

test('the commands of each standing are listed, and the address keeps which', async (t) => {
  const { page } = await bench.open(t, `/#/queues/${SERVICE}`);
  const { dead, claimed, waiting } = bench.made;
  await becomes(() => ids(page), dead);
  const tabs = page.getByRole('navigation', { name: `Commands of ${SERVICE}` });
  for (const [state, expected] of Object.entries({ waiting, claimed: [claimed] })) {
    await tabs.getByRole('link', { name: state }).click();
    await becomes(() => ids(page), expected);
    await page.reload();
    await becomes(() => ids(page), expected);
  }
  assert.match(await page.locator('.commands .of').innerText(), /with worker-1/);
  await tabs.getByRole('link', { name: 'dead' }).click();
  await becomes(() => ids(page), dead);
  const first = page.locator('.commands li').first();
  const { commands } = await bench.retrace.get(`/api/v1/queues/${SERVICE}?state=dead`);
  assert.equal(await first.locator('.asked').innerText(), JSON.stringify(commands[0].data[0]));
  assert.equal(await first.locator('.error').innerText(), 'the warehouse does not answer');
  assert.equal(await first.locator('.badge').innerText(), '3 failed attempts');
});

test('a queue of nothing says so', async (t) => {
  const { page } = await bench.open(t, '/#/queues/billing-service?state=dead');
  await becomes(() => page.locator('.nothing').innerText(), 'No dead letters: no command has failed all its attempts.');
});

test('a long queue is shown a page at a time', async (t) => {
  const shape = { service: SERVICE, waiting: 120, claimed: 0, dead: 0 };
  const all = Array.from({ length: 120 }, (_, index) => `c-${index}`);
  const { page } = await bench.open(t, '/#/live');
  await page.route(`**/api/v1/queues/${SERVICE}?*`, (route) => {
    const query = new URL(route.request().url()).searchParams;
    const from = all.indexOf(query.get('after') ?? '') + 1;
    const of = all.slice(from, from + Number(query.get('limit')));
    const commands = of.map((id) => ({ state: 'waiting', id, attempts: 0, topic: 'order', intent: 'delete', data: { id: '1' } }));
    const next = from + of.length < all.length ? of.at(-1) : null;
    return route.fulfill({ json: { result: { ...shape, commands, next } } });
  });
  await page.goto(`${bench.retrace.base}/#/queues/${SERVICE}?state=waiting`);
  await becomes(() => ids(page), all.slice(0, 50));
  await page.getByRole('link', { name: 'Next 50' }).click();
  await becomes(() => ids(page), all.slice(50, 100));
  await page.getByRole('link', { name: 'Next 50' }).click();
  await becomes(() => ids(page), all.slice(100));
  assert.equal(await page.getByRole('link', { name: 'Next 50' }).count(), 0);
  await page.getByRole('link', { name: 'First page' }).click();
  await becomes(() => ids(page), all.slice(0, 50));
});

test('a dead letter is dropped by keyboard alone, once it is said what is lost', async (t) => {
  const id = await dead();
  const { page } = await bench.open(t, `/#/queues/${SERVICE}?state=dead`);
  await becomes(async () => (await ids(page)).at(-1), id);
  const before = (await ids(page)).length;
  const letter = page.locator('.commands li').last();
  const data = await letter.locator('.asked').innerText();
  await letter.getByRole('button', { name: 'Drop…' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.innerText(), /will not happen, and is lost/);
  assert.equal(await dialog.locator('.asked').innerText(), data);
  assert.equal((await queue(bench.retrace, SERVICE)).dead, before, 'nothing happens before it is agreed to');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await becomes(async () => (await ids(page)).length, before - 1);
  await becomes(() => said(page), ['The command is dropped.']);
  assert.equal((await queue(bench.retrace, SERVICE)).dead, before - 1);
  // Who works through them by keyboard goes on with the next.
  await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Requeue…');
});

test('whoever may not see dead letters is told so in words', async (t) => {
  const { page, watch } = await bench.open(t, '/#/live');
  watch.excuse(/status of 403/);
  const detail = 'the token lacks the scope admin';
  const no = { error: 'forbidden', title: 'Not allowed', status: 403, detail };
  await page.route(`**/api/v1/queues/${SERVICE}?*`, (route) => route.fulfill({ status: 403, json: no }));
  await page.goto(`${bench.retrace.base}/#/queues/${SERVICE}?state=dead`);
  await becomes(() => page.locator('.commands .problem p').allInnerTexts(), [detail]);
});

test('everybody can use it, and it fits a telephone', async (t) => {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const { page } = await bench.open(t, `/#/queues/${SERVICE}?state=dead`, { colorScheme, viewport: NARROW });
    await page.locator('.commands li').first().waitFor();
    assert.deepEqual(await serious(page), []);
    assert.equal(await page.evaluate(() => document.querySelector('main')?.scrollWidth), NARROW.width);
    await page.getByRole('button', { name: 'Drop…' }).first().click();
    assert.deepEqual(await serious(page), []);
  }
});

test('a dead letter is requeued, and what becomes of it is shown', async (t) => {
  const { page } = await bench.open(t, `/#/queues/${SERVICE}?state=dead`);
  await page.locator('.commands li').first().waitFor();
  const [id = ''] = await ids(page);
  const { waiting } = await queue(bench.retrace, SERVICE);
  await page.getByRole('button', { name: 'Requeue…' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Requeue', exact: true }).click();
  await becomes(async () => (await ids(page)).includes(String(id)), false);
  await becomes(() => page.locator('.fate .badge').innerText(), 'on its way');
  assert.equal((await queue(bench.retrace, SERVICE)).waiting, waiting + 1);

  const services = await Retrace.up({ store: bench.made.redis.url, roles: ['services'] });
  t.after(() => services.remove());
  await becomes(() => page.locator('.fate .badge').innerText(), 'done');
  const { position } = await bench.retrace.get(`/api/v1/commands/${id}`);
  assert.match((await page.locator('.fate .when').getAttribute('title')) ?? '', new RegExp(`position ${position}:`));
  await page.reload();
  await becomes(() => page.locator('.fate .badge').innerText(), 'done');
});
