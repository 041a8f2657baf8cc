// The Live view: what happens is shown as it happens, and what has happened is a scroll away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from './support/retrace.js';
import { becomes, BULK, takesLessThan, until } from './support/until.js';
import { workbench } from './support/workbench.js';

const bench = workbench({ history: fixture('ordershop-demo') });

/** @typedef {import('playwright-core').Page} Page */

/** The events in sight, as `number topic verb`, from the top. @param {Page} page */
const lines = (page) =>
  page.locator('.events .line').evaluateAll((lines) => {
    /** @param {Element} line */
    const at = (line) => new DOMMatrix(getComputedStyle(line).transform).f;
    const sorted = lines.sort((a, b) => at(a) - at(b));
    return sorted.map((line) => {
      const texts = ['.number', '.chip', 'b'].map((part) => line.querySelector(part)?.textContent ?? '');
      return texts.join(' ').replace(',', '');
    });
  });

/** How the list tells an event. @param {any} event */
const told = ({ number, topic, action }) => `${number} ${topic} ${action.replace(`${topic}_`, '').replace(/^entity_/, '')}`;

/** The last `count` events that pass `query`, newest first, as the list tells them. @param {number} count */
async function newest(count, query = '') {
  const { events } = await bench.retrace.get(`/api/v1/log?limit=${count}${query}`);
  return events.map(told).reverse();
}

/** @param {Page} page @param {string} [query] */
async function shown(page, query) {
  await until('there are events', async () => (await lines(page)).length > 0);
  // Sagas may have something to add yet, so both are read anew each time.
  const differing = async () => {
    const expected = await newest(10, query);
    const found = (await lines(page)).slice(0, 10);
    return JSON.stringify(found) === JSON.stringify(expected) ? null : { found, expected };
  };
  await becomes(differing, null);
}

/** @param {string} name @param {string} [email] */
const person = (name, email = 'a@shop.example') => bench.retrace.post('/customer', { name, email });

test('the newest events stand at the top, as the log has them', async (t) => {
  const { page } = await bench.open(t, '/#/live');
  await shown(page);
});

test('an event is there within 200 ms of the request that caused it', async (t) => {
  const { page } = await bench.open(t, '/#/live');
  await shown(page);
  await takesLessThan(200, () => secondLongest(t, page));
});

/** Milliseconds from a request to its event on the screen, the second longest of 15. @param {import('node:test').TestContext} t @param {Page} page */
async function secondLongest(t, page) {
  const took = [];
  for (let round = 0; round < 15; round += 1) {
    const name = `Swift ${performance.now()}`;
    const label = page.locator('.events .line', { hasText: name });
    // Timed in the page, so that it is not the test's own way there and back that is told.
    took.push(
      await page.evaluate(async (name) => {
        const isThere = () => [...document.querySelectorAll('.line .label')].some((label) => label.textContent === name);
        const there = new Promise((resolve) => {
          const look = () => (isThere() ? resolve(undefined) : requestAnimationFrame(look));
          look();
        });
        const began = performance.now();
        await fetch('customer', { method: 'POST', body: JSON.stringify({ name, email: 'a@b.example' }) });
        await there;
        return performance.now() - began;
      }, name),
    );
    await label.waitFor();
  }
  took.sort((a, b) => a - b);
  const [middle = 0, late = 0, most = 0] = [took[7], took[13], took[14]];
  t.diagnostic(`from the request to the screen: median ${middle.toFixed(0)} ms, most ${most.toFixed(0)} ms`);
  return late;
}

test('topics, an entity and a text are filters, and the address has them', async (t) => {
  const { page } = await bench.open(t, '/#/live');
  await shown(page);
  await page.getByRole('button', { name: 'order', exact: true }).click();
  await shown(page, '&topic=order');
  await page.getByRole('button', { name: 'billing', exact: true }).click();
  await shown(page, '&topic=order,billing');
  await page.reload();
  await shown(page, '&topic=order,billing');
  const [order] = (await bench.retrace.get('/api/v1/log?limit=1&topic=order')).events;
  await page.getByLabel('Entity').fill(order.key);
  await page.getByLabel('Entity').press('Enter');
  await shown(page, `&topic=order,billing&entity=${order.key}`);
  await page.goto(`${bench.retrace.base}/#/live?text=${encodeURIComponent('Please PAY')}`);
  await shown(page, '&text=please%20pay');
  await person('Nobody asked for');
  await page.goto(`${bench.retrace.base}/#/live?text=no+such+text`);
  await page.getByText('No event of the log is like that.').waitFor();
});

test('paused, it stays; what came meanwhile is counted, and then shown', async (t) => {
  const { page } = await bench.open(t, '/#/live?topic=customer');
  await shown(page, '&topic=customer');
  await page.getByRole('button', { name: 'Pause' }).click();
  const before = (await lines(page)).slice(0, 10);
  await person('Paused 1');
  await person('Paused 2');
  const button = page.getByRole('button', { name: 'Show 2 new events' });
  await button.waitFor();
  assert.deepEqual((await lines(page)).slice(0, 10), before);
  await button.click();
  await shown(page, '&topic=customer');
  assert.equal(await page.locator('.line .label').filter({ hasText: /^Paused/ }).count(), 2);
  await page.getByRole('button', { name: 'Pause' }).waitFor();
});

test('the first event of the log is reached by scrolling, and the last one again', async (t) => {
  const { page } = await bench.open(t, '/#/live');
  await shown(page);
  const box = page.locator('.events');
  const atEnd = page.getByText('The log begins here.');
  const down = () => box.evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await until('the beginning is reached', async () => {
    await down();
    return atEnd.count();
  });
  // The last page may have come after the last step down.
  await down();
  const first = (await bench.retrace.get('/api/v1/log?after=0-0&limit=5')).events;
  await becomes(async () => (await lines(page)).slice(-5), first.map(told).reverse());
  // What comes while one reads something old moves nothing.
  const inSight = await lines(page);
  await person('While reading');
  const button = page.getByRole('button', { name: /^Show \d+ new events?$/ });
  await button.waitFor();
  assert.deepEqual(await lines(page), inSight);
  await button.click();
  await shown(page);
});

test('arrow keys choose an event, which is shown with where it leads', async (t) => {
  const { page } = await bench.open(t, '/#/live?topic=order');
  await shown(page, '&topic=order');
  const { events } = await bench.retrace.get('/api/v1/log?limit=3&topic=order');
  await page.locator('.events').focus();
  for (const event of events.reverse()) {
    await page.keyboard.press('ArrowDown');
    await until(`${event.number} is chosen`, async () => {
      const chosen = page.locator('.line[aria-selected=true] .number');
      return (await chosen.count()) === 1 && (await chosen.textContent()) === String(event.number);
    });
    const detail = page.getByLabel('Chosen event');
    assert.match((await detail.textContent()) ?? '', new RegExp(event.event_id));
    const link = detail.getByRole('link', { name: 'Trace' });
    assert.equal(await link.getAttribute('href'), `#/trace/${event.event_id}`);
  }
});

test('whatever is in an event is shown as text', async (t) => {
  const { page } = await bench.open(t, '/#/live?topic=customer');
  await shown(page, '&topic=customer');
  const long = 'Ω'.repeat(50_000);
  const names = [
    '<img src=x onerror="window.ran = 1"><script>window.ran = 2</script>',
    '${window.ran = 3} {{4}} &lt;b&gt;',
    'שלום \u202eworld\u202c مرحبا',
    '👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301\u0302\u0303',
    '\u0007bell\u0000',
    long,
  ];
  for (const name of names) await person(name);
  const labels = page.locator('.line .label');
  await until('all are there', async () => ((await labels.first().textContent()) ?? '').startsWith('ΩΩ'));
  const told = (await labels.allTextContents()).slice(0, names.length).reverse();
  assert.equal(told[0], names[0]);
  assert.equal(told[1], names[1]);
  assert.equal(told[2], 'שלום \\u{202e}world\\u{202c} مرحبا');
  assert.equal(told[3], names[3]);
  assert.equal(told[4], '\\u{7}bell\\u{0}');
  assert.ok((told[5] ?? '').length <= 200, 'the beginning of a long text is enough in a line');
  assert.equal(await page.evaluate(() => 'ran' in window), false);
  await page.locator('.line').filter({ hasText: 'ΩΩΩ' }).click();
  const detail = page.getByLabel('Chosen event');
  await detail.getByRole('button', { name: 'all 100 kB' }).click();
  const longest = async () => Math.max(...(await detail.locator('bdi').allTextContents()).map((text) => text.length));
  await becomes(longest, long.length);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 1440);
});

test('a filter that little passes goes on looking, and says how far it is', async (t) => {
  const { page } = await bench.open(t, '/#/live?topic=nothing-yet');
  await page.getByText('No event of the log is like that.').waitFor();
  const { events } = await bench.retrace.get('/api/v1/log?before=%23500&limit=2&topic=order');
  let asked = 0;
  /** @type {(() => void)[]} */
  const held = [];
  // A log so long that the gateway looks through a part of it at a time.
  await page.route(/api\/v1\/log\?.*text=far/, async (route) => {
    asked += 1;
    if (asked === 3) await new Promise((go) => held.push(() => go(undefined)));
    const result = asked > 3 ? { events, from: '1-0', to: '2-0', more: false } : { events: [], from: `${1795371914 - asked}000-0`, to: '1795371914000-0', more: true };
    await route.fulfill({ json: { result } });
  });
  await page.goto(`${bench.retrace.base}/#/live?text=far`);
  await page.getByText('Looking further back: at 2026-11-22 18:25:12.000 …').waitFor();
  held.forEach((go) => go());
  await becomes(() => lines(page), events.map(told).reverse());
  await page.getByText('The log begins here.').waitFor();
});

test('a page of the past that comes late is not put beside the newest events', async (t) => {
  const { page } = await bench.open(t, '/#/live');
  await shown(page);
  /** @type {(() => void)[]} */
  const held = [];
  await page.route(/api\/v1\/log\?before=/, async (route) => {
    await new Promise((go) => held.push(() => go(undefined)));
    await route.continue().catch(() => {});
  });
  await page.locator('.events').evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await until('an older page is asked for', () => held.length > 0);
  await person('Newest');
  // So much comes that it is asked for again instead of kept.
  await page.evaluate(async () => {
    const people = Array.from({ length: 1_001 }, (_, index) => ({ name: `Many ${index}`, email: 'm@shop.example' }));
    await fetch('customer', { method: 'POST', body: JSON.stringify(people) });
  });
  const button = page.getByRole('button', { name: /^Show [\d,]+ new events$/ });
  await until('more came than is kept', async () => Number(/[\d,]+/.exec((await button.textContent()) ?? '')?.[0].replace(',', '')) > 1_000);
  await until('all has been said', async () => {
    const { consumers, queues } = await bench.retrace.get('/api/v1/status');
    const isIdle = (/** @type {any} */ { waiting, claimed }) => waiting + claimed === 0;
    return queues.every(isIdle) && consumers.every((/** @type {any} */ { lag }) => lag === 0);
  }, BULK);
  await button.click();
  await becomes(async () => (await lines(page)).length > 10, true);
  held.forEach((go) => go());
  await page.unroute(/api\/v1\/log\?before=/);
  const numbers = () => page.evaluate(() => [...document.querySelectorAll('.line')].length);
  assert.ok((await numbers()) < 100, 'only what is in sight is in the page');
  const { events } = await bench.retrace.get('/api/v1/log?limit=400');
  const expected = events.map(told);
  const seen = new Set();
  /** Goes through the list from its top, and gives what has never been seen in it. */
  const missing = async () => {
    for (let top = 0; top < 16_000; top += 400) {
      await page.locator('.events').evaluate((box, top) => box.scrollTo(0, top), top);
      await page.evaluate(() => new Promise(requestAnimationFrame));
      for (const line of await lines(page)) seen.add(line);
    }
    return expected.filter((/** @type {string} */ line) => !seen.has(line));
  };
  await becomes(missing, []);
});

test('whoever can make nothing of an event takes it from nobody else', async (t) => {
  const { page, watch } = await bench.open(t, '/#/state');
  watch.excuse(/makes nothing of it/);
  await page.locator('.connection.live').waitFor();
  await page.evaluate(async () => {
    const { listen } = await import(new URL('assets/core/feed.js', document.baseURI).href);
    listen(() => {
      throw new Error('makes nothing of it');
    });
  });
  await page.goto(`${bench.retrace.base}/#/live`);
  await shown(page);
  await person('For all others');
  await page.locator('.line .label', { hasText: 'For all others' }).first().waitFor();
});
