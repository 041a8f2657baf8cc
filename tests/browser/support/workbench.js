// What a test file needs: one program, one browser, and pages that are checked when their test ends.
import { after, before } from 'node:test';
import { context, launch, Watch } from './browser.js';
import { Retrace } from './retrace.js';
import { until } from './until.js';

/** @typedef {import('./browser.js').Look} Look */

/** @typedef {{retrace: Retrace, remove: () => Promise<void>}} Made a program, and what ends it with all that it needs */

/**
 * Starts both before the tests of a file, and ends them after. Ask for them only inside tests.
 * @template {Made} [M=Made]
 * @param {import('./retrace.js').Options | (() => Promise<M>)} [options] or what makes the program
 */
export function workbench(options) {
  const make = async () => {
    if (typeof options === 'function') return options();
    const retrace = await Retrace.up(options);
    if (options?.history && !options.roles) await counted(retrace);
    return /** @type {M} */ ({ retrace, remove: () => retrace.remove() });
  };
  /** @type {M | undefined} */
  let made;
  /** @type {import('playwright-core').Browser | undefined} */
  let browser;
  before(async () => {
    [made, browser] = await Promise.all([make(), launch()]);
  });
  after(async () => {
    await browser?.close();
    await made?.remove();
  });
  const started = () => {
    if (!made || !browser) throw new Error('asked for before it was started');
    return { made, retrace: made.retrace, browser };
  };
  return {
    /** All that was made. */
    get made() {
      return started().made;
    },
    get retrace() {
      return started().retrace;
    },
    get browser() {
      return started().browser;
    },
    /**
   * A page in a context of its own. When the test ends, anything that went wrong on it fails the test.
   * @param {import('node:test').TestContext} t
   * @param {string} path such as `/#/live`
   * @param {Look} [look]
   * @param {(page: import('playwright-core').Page) => Promise<unknown>} [prepare] what is to be so before it asks for anything
   */
    async open(t, path, look, prepare) {
      const { retrace, browser } = started();
      const made = await context(browser, look);
      const watch = await Watch.over(made, retrace.base);
      t.after(async () => {
        await made.close();
        watch.nothingWrong();
      });
      const page = await made.newPage();
      await prepare?.(page);
      await page.goto(retrace.base + path);
      return { page, watch };
    },
  };
}

/**
 * Waits until a log's timeline is there: before that, nobody knows how many rows there are.
 * @param {Retrace} retrace
 * @param {string} [log]
 */
export async function counted(retrace, log) {
  const counts = async () => Object.values((await retrace.get(`/api/v1/state${log ? `?log=${log}` : ''}`)).counts);
  await until('rows are counted', async () => (await counts()).every((count) => count !== null));
}

/**
 * Waits until a view has all that it shows.
 * @param {import('playwright-core').Page} page
 */
export async function settled(page) {
  await page.locator('.connection.live').waitFor();
  await page.waitForLoadState('networkidle');
  await until('nothing is on its way', async () => (await page.locator('[aria-busy=true]').count()) === 0);
  await page.evaluate(async () => {
    await document.fonts.ready;
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  });
}
