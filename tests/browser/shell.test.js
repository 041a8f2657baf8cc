// What is around every view: it loads, leads everywhere, and stays when the gateway goes and comes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { fixture } from './support/retrace.js';
import { becomes, until } from './support/until.js';
import { settled, workbench } from './support/workbench.js';

const bench = workbench({ history: fixture('happy-path') });

/** The navigation, in its order: what it says, and where it leads. */
const PLACES = [
  ['Live', '#/live'],
  ['State', '#/state'],
  ['Trace', '#/trace'],
  ['Projections', '#/projections'],
  ['Replay', '#/replay'],
  ['Queues', '#/queues'],
  ['Shop', '#/page/shop'],
];

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page */
const live = (page) => page.locator('.connection.live').waitFor();

/** Which place of the navigation one is at. @param {Page} page */
const current = (page) => page.locator('nav[aria-label=Views] [aria-current=page]').allTextContents();

/** Whether a page is at an address, or further in. @param {Page} page @param {string | undefined} address */
const isAt = (page, address) => new URL(page.url()).hash.split('?')[0]?.concat('/').startsWith(`${address}/`);

/** What a view says, but for how long something has been so. @param {string} text */
const unmoving = (text) => text.replaceAll(/\d+(\.\d+)? ?(ms|s|min|h)\b/g, 'a while').split('\n');

/** What has the focus: its tag, and what it says where that is short. @param {Page} page */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element ? `${element.localName} ${(element.textContent ?? '').trim().slice(0, 20)}`.trim() : '';
  });

test('the address alone leads to the live view, with the domain in the title', async (t) => {
  const { page } = await bench.open(t, '/');
  await live(page);
  assert.equal(new URL(page.url()).hash, '#/live');
  assert.equal(await page.title(), 'live · ordershop · Retrace');
  const links = await page.locator('nav[aria-label=Views] a').evaluateAll((links) =>
    links.map((link) => [link.textContent?.trim() ?? '', link.getAttribute('href') ?? '']),
  );
  assert.deepEqual(links, PLACES);
});

for (const [said, address] of PLACES) {
  test(`${said} is reached by keyboard alone, and has the focus`, async (t) => {
    const { page } = await bench.open(t, said === 'Live' ? '/#/projections' : '/');
    await live(page);
    for (let steps = 0; (await focused(page)) !== `a ${said}`; steps += 1) {
      assert.ok(steps < 20, `Tab does not lead to ${said}`);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await becomes(() => current(page), [said]);
    assert.ok(isAt(page, address), page.url());
    await becomes(() => page.evaluate(() => document.activeElement?.id), 'main');
    await page.goBack();
    await becomes(() => current(page), [said === 'Live' ? 'Projections' : 'Live']);
  });

  test(`${said} stays where it is when it is loaded again`, async (t) => {
    const { page } = await bench.open(t, `/${address}`);
    await becomes(() => current(page), [said]);
    await settled(page);
    const [before, shown] = [page.url(), await page.locator('main').innerText()];
    assert.ok(isAt(page, address), before);
    await page.reload();
    await becomes(() => current(page), [said]);
    await settled(page);
    assert.equal(page.url(), before);
    assert.deepEqual(unmoving(await page.locator('main').innerText()), unmoving(shown));
  });

  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    test(`${said} can be used by everybody when it is ${colorScheme}, and fits 360 pixels`, async (t) => {
      const { page } = await bench.open(t, `/${address}`, { colorScheme });
      await live(page);
      await becomes(() => current(page), [said]);
      await settled(page);
      assert.deepEqual(await serious(page), []);
      await page.setViewportSize(NARROW);
      assert.deepEqual(await serious(page), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), NARROW.width);
    });
  }
}

test('the first step of the keyboard leads past the navigation', async (t) => {
  const { page } = await bench.open(t, '/');
  await live(page);
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'a Skip to the view');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
  assert.equal(new URL(page.url()).hash, '#/live');
});

test('an address that leads nowhere says so', async (t) => {
  const { page } = await bench.open(t, '/#/nowhere/at-all');
  await becomes(() => page.locator('main [role=alert]').allInnerTexts(), ['There is no view nowhere/at-all.']);
  await page.locator('nav a', { hasText: 'Live' }).click();
  await becomes(() => current(page), ['Live']);
});

test('colours are chosen, and stay chosen', async (t) => {
  const { page } = await bench.open(t, '/');
  const button = page.getByRole('button', { name: /^Colours:/ });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const bright = await background();
  await page.emulateMedia({ colorScheme: 'dark' });
  const dim = await background();
  assert.notEqual(bright, dim);
  await button.click();
  assert.equal(await background(), bright);
  await page.reload();
  assert.equal(await button.getAttribute('aria-label'), 'Colours: light; change to dark');
  assert.equal(await background(), bright);
  await page.emulateMedia({ colorScheme: 'light' });
  await button.click();
  assert.equal(await background(), dim);
});

test('no text becomes markup or a script', async (t) => {
  const { page, watch } = await bench.open(t, '/');
  await live(page);
  watch.excuse(/policy violated: require-trusted-types-for|requires 'Trusted/);
  const refused = await page.evaluate(() => {
    const attempts = [
      () => document.body.insertAdjacentHTML('beforeend', '<b>markup</b>'),
      () => document.body.setAttribute('onclick', 'alert()'),
      () => Object.assign(document.createElement('script'), { text: 'alert()' }),
    ];
    return attempts.map((attempt) => {
      try {
        attempt();
        return 'taken';
      } catch (error) {
        return String(error).match(/Trusted\w+/)?.[0];
      }
    });
  });
  assert.deepEqual(refused, ['TrustedHTML', 'TrustedScript', 'TrustedScript']);
});

/** What the page is told of events from now on: their ids. @param {Page} page */
async function heard(page) {
  await page.evaluate(async () => {
    const feed = new URL('assets/core/feed.js', document.baseURI).href;
    const { listen } = await import(feed);
    /** @type {string[]} */
    const ids = [];
    listen((/** @type {{event_id: string}[]} */ events) => void ids.push(...events.map((event) => event.event_id)));
    Object.assign(window, { heard: ids });
  });
  return () => page.evaluate(() => /** @type {{heard: string[]}} */ (/** @type {unknown} */ (window)).heard);
}

/** A view that nobody has opened has been asked for all the same, and is there. @param {Page} page @param {string} view */
async function foreseen(page, view) {
  const isAsked = () => page.evaluate((view) => performance.getEntriesByType('resource').some(({ name }) => name.endsWith(`/views/${view}.js`)), view);
  await until(`${view} is asked for`, isAsked);
  await page.evaluate((view) => import(new URL(`assets/views/${view}.js`, document.baseURI).href), view);
}

/** The ids of the log's events behind the first `count`, in order. @param {number} count */
async function logged(count) {
  const lines = (await bench.retrace.run('export')).trimEnd().split('\n').slice(count);
  const entries = lines.map((line) => JSON.parse(line));
  return entries.filter(({ stream }) => stream !== 'events:decision').map(({ fields }) => fields.event_id);
}

test('what a gateway that stops does not send any more is sent by the one that comes', async (t) => {
  const { retrace } = bench;
  let refused = 0;
  const { page, watch } = await bench.open(t, '/#/no-view', {}, (page) =>
    page.route('**/views/queues/*.js', (route) => {
      refused += 1;
      return route.fulfill({ status: 503, json: { status: 503 } });
    }),
  );
  watch.excuseAway();
  await live(page);
  await until('the page was turned away', () => refused > 0);
  await page.locator('nav a', { hasText: 'Queues' }).click();
  await page.getByText('dynamically imported').waitFor();
  await retrace.stop();
  await page.locator('.connection.lost').waitFor();
  await page.unroute('**/views/queues/*.js');
  await retrace.start();
  await page.getByRole('heading', { name: 'Queues', level: 1 }).waitFor();
  assert.equal(await page.getByText('dynamically imported').count(), 0);
});

for (const end of /** @type {const} */ (['stop', 'kill'])) {
  test(`a gateway that goes (${end}) and comes is told, and nothing is missed or told twice`, async (t) => {
    const { retrace } = bench;
    const { page, watch } = await bench.open(t, '/');
    watch.excuseAway();
    await live(page);
    const ids = await heard(page);
    const before = (await retrace.run('export')).trimEnd().split('\n').length;
    const person = (/** @type {string} */ name) => retrace.post('/customer', { name, email: 'a@shop.example' });
    await person('before');
    await until('the first is heard', async () => (await ids()).length > 0);
    await foreseen(page, 'projections');
    await retrace[end]();
    await page.locator('.connection.lost').waitFor();
    assert.equal(await page.locator('.connection').textContent(), 'Connection lost, trying again');
    // What has not been opened yet is there all the same.
    await page.locator('nav a', { hasText: 'Projections' }).click();
    await becomes(() => current(page), ['Projections']);
    assert.equal(await page.getByText('dynamically imported').count(), 0);
    await page.locator('nav a', { hasText: 'Live' }).click();
    await retrace.start();
    for (const name of ['meanwhile', 'still away']) await person(name);
    await live(page);
    await person('after');
    const mails = async () => (await logged(before)).length >= 8;
    await until('each of four was written and welcomed', mails);
    await becomes(ids, await logged(before));
    assert.equal((await ids()).length, 8);
  });
}
