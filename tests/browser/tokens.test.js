// A gateway that asks who one is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { fixture } from './support/retrace.js';
import { becomes, until } from './support/until.js';
import { workbench } from './support/workbench.js';

const TOKEN = 'a-token.with~signs_+/==';
const READER = 'looks-and-touches-nothing';
const bench = workbench({ history: fixture('happy-path'), token: TOKEN, readToken: READER });

/** @param {import('node:test').TestContext} t @param {'light' | 'dark'} [colorScheme] */
async function asked(t, colorScheme) {
  const { page, watch } = await bench.open(t, '/#/live', { colorScheme });
  watch.excuse(/status of 401/);
  await page.getByLabel('Token').waitFor();
  return page;
}

/** Types and enters a token where the focus is. @param {import('playwright-core').Page} page @param {string} token */
async function enter(page, token) {
  await becomes(() => page.getByLabel('Token').evaluate((input) => input === document.activeElement), true);
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
}

test('the token is asked for, nothing else is shown, and everybody can enter it', async (t) => {
  for (const scheme of /** @type {const} */ (['light', 'dark'])) {
    const page = await asked(t, scheme);
    await becomes(() => page.locator('[role=alert]').allInnerTexts(), ['This gateway asks who you are.']);
    assert.equal(await page.locator('nav').count(), 0);
    assert.deepEqual(await serious(page), []);
  }
});

test('a wrong token is told, the right one opens everything', async (t) => {
  const page = await asked(t);
  await enter(page, 'guess');
  await becomes(() => page.locator('[role=alert]').allInnerTexts(), ['the token is not known here']);
  await page.getByLabel('Token').fill('');
  await enter(page, TOKEN);
  await page.locator('.connection.live').waitFor();
  assert.equal(await page.locator('nav [aria-current=page]').textContent(), 'Live');
});

test('a token that no header can carry is told, and nothing is asked with it', async (t) => {
  const page = await asked(t);
  await enter(page, 'ключ');
  await becomes(() => page.locator('[role=alert]').allInnerTexts(), ['A token has only ASCII characters.']);
  await page.getByLabel('Token').fill('');
  await enter(page, TOKEN);
  await page.locator('.connection.live').waitFor();
});

test('a late no to what was asked without the token does not ask for it again', async (t) => {
  const page = await asked(t);
  let [held, isReleased] = [0, false];
  await page.route('**/api/v1/topics', async (route) => {
    held += 1;
    if (held > 1) return route.continue();
    const response = await route.fetch();
    await until('somebody has entered the token', () => isReleased);
    return route.fulfill({ response });
  });
  await page.reload();
  await until('the first question is on its way', () => held === 1);
  await page.getByLabel('Token').waitFor();
  await enter(page, TOKEN);
  await page.locator('.connection.live').waitFor();
  const late = page.waitForResponse((response) => response.url().endsWith('/topics') && response.status() === 401);
  isReleased = true;
  await (await late).finished();
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.equal(await page.getByLabel('Token').count(), 0);
});

test('a 401 that is no JSON asks for the token as well', async (t) => {
  const page = await asked(t);
  await page.route('**/api/v1/**', (route) => route.fulfill({ status: 401, contentType: 'text/html', body: '<h1>Who are you?</h1>' }));
  await page.reload();
  await becomes(() => page.locator('[role=alert]').allInnerTexts(), ['This gateway asks who you are.']);
});

test('whoever may only look sees everything but dead letters, and is told in words what is not allowed', async (t) => {
  const { page, watch } = await bench.open(t, '/#/projections');
  watch.excuse(/status of 40[13]/);
  await page.getByLabel('Token').waitFor();
  await enter(page, READER);
  await page.locator('.connection.live').waitFor();
  const lacking = 'the token lacks the scope admin';
  const { served } = await bench.retrace.get('/api/v1/rebuilds');
  await page.getByRole('button', { name: 'Rebuild…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Rebuild', exact: true }).click();
  await becomes(() => page.locator('.said p.bad').evaluateAll((said) => said.map((one) => one.firstChild?.textContent?.trim())), [lacking]);
  const after = await bench.retrace.get('/api/v1/rebuilds');
  assert.deepEqual([after.served.generation, after.current, after.last], [served.generation, null, null]);

  await page.goto(`${bench.retrace.base}/#/queues/order-service?state=dead`);
  await becomes(() => page.locator('.commands .problem p').allInnerTexts(), [lacking]);
  await page.goto(`${bench.retrace.base}/#/queues/order-service?state=waiting`);
  await becomes(() => page.locator('.commands .problem').count(), 0);
});

test('it is kept while the tab is, and stands in no address', async (t) => {
  const page = await asked(t);
  /** @type {string[]} */
  const addresses = [];
  page.on('request', (request) => void addresses.push(request.url()));
  page.on('websocket', (socket) => void addresses.push(socket.url()));
  await enter(page, TOKEN);
  await page.locator('.connection.live').waitFor();
  await page.reload();
  await page.locator('.connection.live').waitFor();
  assert.ok(addresses.some((address) => address.includes('/ws')), addresses.join('\n'));
  assert.deepEqual(addresses.filter((address) => /token|bearer|signs/i.test(address.replace(/assets\/\S*/, ''))), []);

  const another = await asked(t);
  assert.equal(await another.locator('nav').count(), 0);
});

test('events come to whoever has it', async (t) => {
  const page = await asked(t);
  await enter(page, TOKEN);
  await page.locator('.connection.live').waitFor();
  await page.evaluate(async () => {
    const { listen } = await import(new URL('assets/core/feed.js', document.baseURI).href);
    Object.assign(window, { heard: 0 });
    listen((/** @type {unknown[]} */ events) => {
      const counted = /** @type {{heard: number}} */ (/** @type {unknown} */ (window));
      counted.heard += events.length;
    });
  });
  await bench.retrace.post('/customer', { name: 'Ann', email: 'ann@shop.example' });
  await page.waitForFunction(() => 'heard' in window && Number(window.heard) >= 1);
});

test('nothing is missed of what happens while the token is being entered', async (t) => {
  const page = await asked(t);
  // The more often it was tried in vain, the later it would be tried again by itself.
  for (let tried = 0; tried < 4; tried += 1) await page.waitForResponse(/api\/v1\/status/);
  await enter(page, TOKEN);
  await page.locator('nav').waitFor();
  for (let n = 0; n < 10; n += 1) await bench.retrace.post('/customer', { name: `Early ${n}`, email: 'e@shop.example' });
  const wanted = (await bench.retrace.get('/api/v1/log?topic=customer&limit=10')).events;
  const names = wanted.map((/** @type {any} */ { data }) => data.name).reverse();
  await page.getByRole('button', { name: 'customer', exact: true }).waitFor();
  const labels = () => page.locator('.line', { has: page.locator('.chip', { hasText: 'customer' }) }).locator('.label').allTextContents();
  await becomes(async () => (await labels()).slice(0, 10), names);
});
