// Why an event happened and what came of it, drawn: what the gateway knows, reached by mouse and by keyboard.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { Redis } from './support/redis.js';
import { fixture, Retrace } from './support/retrace.js';
import { entries } from './support/story.js';
import { becomes, BULK, until } from './support/until.js';
import { workbench } from './support/workbench.js';

const DEMO = 'ordershop-demo';
const FOREIGN = 'ordershop-v2-busy';
const bench = workbench({ history: fixture(DEMO) });
const foreign = workbench({ history: fixture(FOREIGN) });
const log = await entries(DEMO);

/** The first event of a topic. @param {string} topic */
const first = (topic, from = log) => String(from.find((entry) => entry.topic === topic)?.id);

/** @typedef {import('playwright-core').Page} Page */

/** All nodes of a tree as the gateway tells it, each before its effects. @param {any} node @returns {any[]} */
const flat = (node) => [node, ...node.effects.flatMap(flat)];

/** @param {Retrace} retrace @param {string} id */
const nodes = async (retrace, id) => flat((await retrace.get(`/api/v1/trace/${id}`)).root);

/** @param {any} node */
const idOf = (node) => node.event?.id ?? node.id;

const cards = (/** @type {Page} */ page) => page.getByRole('treeitem');
const detail = (/** @type {Page} */ page) => page.locator('.detail');

/** The identifiers on the cards, in order. @param {Page} page */
const drawn = (page) => cards(page).evaluateAll((cards) => cards.map((card) => card.getAttribute('data-id')));

/** What cards say to who does not see them. @param {Page} page */
const told = (page) =>
  cards(page).evaluateAll((cards) =>
    cards.map((card) => {
      const copy = /** @type {Element} */ (card.cloneNode(true));
      for (const silent of copy.querySelectorAll('[aria-hidden]')) silent.remove();
      const texts = [...copy.querySelectorAll('.what > *, .more > *')].map((part) => part.textContent?.trim());
      return texts.filter(Boolean).join(' ');
    }),
  );

/** The node that has the focus. @param {Page} page */
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('data-id'));

/** How many lines of a look there are. @param {Page} page @param {string} look */
const lines = (page, look) =>
  page.locator('.tree path').evaluateAll((paths, look) => {
    const wanted = paths.filter((path) => look === 'all' || path.classList.contains(look));
    return wanted.reduce((sum, path) => sum + (path.getAttribute('d')?.split('M').length ?? 1) - 1, 0);
  }, look);

for (const topic of ['product', 'order', 'billing', 'shipping', 'mail']) {
  test(`the tree of the first ${topic} event is the gateway's, with a line to each effect`, async (t) => {
    const id = first(topic);
    const expected = await nodes(bench.retrace, id);
    const { page } = await bench.open(t, `/#/trace/${id}`);
    await becomes(() => drawn(page), expected.map(idOf));
    assert.equal(await lines(page, 'all'), expected.length - 1);
    assert.equal(await lines(page, 'inferred'), 0);
    assert.deepEqual(await page.locator('[role=treeitem][aria-current=true]').evaluateAll((all) => all.map((one) => one.getAttribute('data-id'))), [id]);
    assert.equal(await detail(page).getAttribute('data-id'), id);
  });
}

test('cards say what happened, by which saga and how long after the start', async (t) => {
  const { page } = await bench.open(t, `/#/trace/${first('order')}`);
  await becomes(() => told(page), [
    'command order-service client',
    'order created asked for CREATED start',
    'inventory updated amount 60 by saga inventory +17 ms',
    'inventory updated amount 56 by saga inventory +17 ms',
    'inventory updated amount 83 by saga inventory +17 ms',
    'order updated IN_STOCK by saga inventory +17 ms',
    'command mail-service by saga crm',
    'mail sent otto.dunmore@mail.example +67 ms',
  ]);
  assert.deepEqual(await page.locator('.edge').allTextContents(), ['inventory', 'inventory', 'inventory', 'inventory', 'crm']);
});

test('the keyboard goes along the lines, opens and folds', async (t) => {
  const id = first('billing');
  const tree = await nodes(bench.retrace, id);
  const [command, billing] = tree;
  const [shipping, order] = billing.effects;
  const { page } = await bench.open(t, `/#/trace/${id}`);
  await cards(page).first().waitFor();
  await page.locator('.trace header a').focus();
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), id, 'one stop for the whole tree, at what was asked for');
  /** @type {[string, any][]} */
  const steps = [['ArrowLeft', command], ['ArrowRight', billing], ['ArrowRight', shipping], ['ArrowDown', order], ['ArrowUp', shipping], ['ArrowLeft', billing], ['Home', command], ['End', tree.at(-1)]];
  for (const [key, node] of steps) {
    await page.keyboard.press(key);
    await becomes(() => focused(page), idOf(node));
  }
  await page.keyboard.press('Enter');
  await becomes(() => detail(page).getAttribute('data-id'), idOf(tree.at(-1)));
  assert.equal(await focused(page), idOf(tree.at(-1)));
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press(' ');
  await becomes(() => drawn(page), [idOf(command), id]);
  assert.equal(await page.locator(`[data-id="${id}"][role=treeitem]`).getAttribute('aria-expanded'), 'false');
  await page.keyboard.press('ArrowRight');
  await becomes(() => drawn(page), tree.map(idOf));
});

test('a chosen node shows what it changed and leads on; the address keeps it', async (t) => {
  const id = first('billing');
  const tree = await nodes(bench.retrace, id);
  const { event } = tree.find((node) => node.event?.topic === 'order');
  const { page } = await bench.open(t, `/#/trace/${id}`);
  await page.locator(`[role=treeitem][data-id="${event.id}"]`).click();
  const shown = async () => ({
    status: await detail(page).locator('.became dd').allTextContents(),
    links: await detail(page).locator('a.button').evaluateAll((links) => links.map((link) => link.getAttribute('href'))),
  });
  const expected = {
    status: ['IN_STOCK→CLEARED'],
    links: [`#/state/order/${event.key}?at=${event.position}`, `#/history/order/${event.key}`],
  };
  await becomes(async () => ({ ...(await shown()), status: (await shown()).status.map((text) => text.replaceAll(/\s/g, '')) }), expected);
  await page.reload();
  await becomes(() => detail(page).getAttribute('data-id'), event.id);
  assert.equal(new URL(page.url()).hash, `#/trace/${id}?node=${event.id}`);
  await detail(page).getByText('History of its row').click();
  await page.locator('.version').first().waitFor();
  assert.equal(new URL(page.url()).hash, `#/history/order/${event.key}`);
});

test('what nobody wrote down is dashed, with how well it fits', async (t) => {
  const id = first('billing', await entries(FOREIGN));
  const expected = await nodes(foreign.retrace, id);
  const inferred = expected.flatMap((node) => node.inferred ?? []);
  assert.ok(inferred.includes('exact') && inferred.includes('alike'));
  const { page } = await foreign.open(t, `/#/trace/${id}`);
  await becomes(() => drawn(page), expected.map(idOf));
  assert.equal(await lines(page, 'inferred'), inferred.length);
  assert.deepEqual(await page.locator('.edge .fit').allTextContents(), inferred);
  const mail = expected.find((node) => node.inferred === 'alike').event.id;
  await page.locator(`[role=treeitem][data-id="${mail}"]`).click();
  await becomes(() => detail(page).locator('.badge').allTextContents(), ['inferred, fits roughly']);
});

test('a cause that the log does not have is drawn all the same', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'retrace-browser-cut-'));
  t.after(() => rm(folder, { recursive: true }));
  const cause = first('billing');
  const lines = (await readFile(fixture(DEMO), 'utf8')).trimEnd().split('\n');
  const history = join(folder, 'cut.jsonl');
  await writeFile(history, `${lines.filter((line) => JSON.parse(line).fields.event_id !== cause).join('\n')}\n`);
  const retrace = await Retrace.up({ history });
  t.after(() => retrace.remove());
  const page = await bench.browser.newPage();
  t.after(() => page.close());
  await page.goto(`${retrace.base}/#/trace/${first('shipping')}`);
  await becomes(() => drawn(page), (await nodes(retrace, cause)).map(idOf));
  assert.equal((await told(page))[0], `not in the log ${cause.slice(0, 8)}…`);
  await cards(page).first().click();
  await becomes(() => detail(page).locator('h2').allTextContents(), ['An event that is not in the log']);
});

test('a refused command says why', async (t) => {
  const { body } = await bench.retrace.ask('POST', '/order', { cart_id: 'nowhere', status: 'CREATED' });
  const { page, watch } = await bench.open(t, '/');
  watch.excuse(/status of 404/);
  await page.goto(`${bench.retrace.base}/#/trace/${body.command}`);
  await becomes(() => detail(page).locator('.problem').allTextContents(), [body.detail]);
  assert.deepEqual(await cards(page).locator('.since').allTextContents(), ['rejected']);
});

test('what is unknown is said, and not asked for again', async (t) => {
  const { page, watch } = await bench.open(t, '/');
  watch.excuse(/status of 404/);
  await page.goto(`${bench.retrace.base}/#/trace/nothing`);
  await becomes(() => page.locator('.problem p').allTextContents(), ['no event of the log has, or names, the id nothing']);
  assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0);
});

test('without an event, the latest are there to choose from, and any can be named', async (t) => {
  const { page } = await bench.open(t, '/#/trace');
  const { events } = await bench.retrace.get('/api/v1/log?limit=20');
  const links = () => page.locator('.latest li a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  await becomes(links, events.toReversed().map((/** @type {any} */ event) => `#/trace/${event.event_id}`));
  await page.getByLabel('Event or command').fill(` ${first('order')} `);
  await page.keyboard.press('Enter');
  await cards(page).first().waitFor();
  assert.equal(new URL(page.url()).hash, `#/trace/${first('order')}`);
});

test('a tree of a thousand nodes is there in part, and all of it can be reached', async (t) => {
  const retrace = await Retrace.up();
  t.after(() => retrace.remove());
  const people = Array.from({ length: 400 }, (_, index) => ({ name: `Ida ${index}`, email: `ida${index}@shop.example` }));
  const [one] = await retrace.post('/customer', people);
  const { chapters } = await retrace.get(`/api/v1/history/customer/${one}`);
  const id = chapters[0].event.id;
  const tree = await until('each has got a mail', async () => {
    const all = await nodes(retrace, id);
    return all.length === 1 + 400 * 3 && all;
  }, BULK);
  const here = await bench.browser.newPage();
  t.after(() => here.close());
  await here.goto(`${retrace.base}/#/trace/${id}`);
  await cards(here).first().waitFor();
  await here.getByText('Unfold all').click();
  const height = await here.locator('.tree .all').evaluate((all) => all.clientHeight);
  assert.ok(height > 400 * 50, `${height} px high`);
  assert.ok((await cards(here).count()) < 100);
  await cards(here).first().focus();
  await here.keyboard.press('End');
  await becomes(() => focused(here), idOf(tree.at(-1)));
  const box = await here.locator('.tree').boundingBox();
  const last = await here.locator(`[role=treeitem][data-id="${idOf(tree.at(-1))}"]`).boundingBox();
  assert.ok(box && last && last.y + last.height <= box.y + box.height, 'what has the focus is in sight');
});

test('a tree grows with what comes of it', async (t) => {
  const redis = await Redis.start();
  const roles = ['gateway', 'services', 'projector'];
  const retrace = await Retrace.up({ store: redis.url, roles });
  t.after(async () => {
    await retrace.remove();
    await redis.remove();
  });
  const id = await retrace.post('/customer', { name: 'Ida', email: 'ida@shop.example' });
  const { chapters } = await retrace.get(`/api/v1/history/customer/${[id].flat()[0]}`);
  const page = await bench.browser.newPage();
  t.after(() => page.close());
  await page.goto(`${retrace.base}/#/trace/${chapters[0].event.id}`);
  const said = () => cards(page).locator('b').allTextContents();
  await becomes(said, ['command', 'created']);
  await retrace.stop();
  roles.push('sagas');
  await retrace.start();
  await becomes(said, ['command', 'created', 'command', 'sent']);
});

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  test(`everybody can use it, ${colorScheme}`, async (t) => {
    for (const address of [`/#/trace/${first('billing')}`, '/#/trace']) {
      const { page } = await bench.open(t, address, { colorScheme });
      await page.locator('[role=treeitem], .latest li').first().waitFor();
      assert.deepEqual(await serious(page), []);
    }
  });
}

test('a narrow page shows the tree indented, one node a line, and nothing is cut off', async (t) => {
  const { page } = await bench.open(t, `/#/trace/${first('billing')}`, { viewport: NARROW });
  await cards(page).first().waitFor();
  const tops = await cards(page).evaluateAll((cards) => cards.map((card) => /** @type {HTMLElement} */ (card).offsetTop));
  assert.equal(new Set(tops).size, tops.length);
  const [wide, is] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.equal(wide, is);
});
