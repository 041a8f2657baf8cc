// What a test file needs: one program, one browser, and pages that are checked when their test ends.
import { after, before } from 'node:test';
import { context, launch, Watch } from './browser.js';
import { Retrace } from './retrace.js';
import { until } from './until.js';

/** @typedef {import('./browser.js').Look} Look */

/**
 * Starts both before the tests of a file, and ends them after. Ask for them only inside tests.
 * @param {import('./retrace.js').Options} [options]
 */
export function workbench(options) {
  /** @type {Retrace | undefined} */
  let retrace;
  /** @type {import('playwright-core').Browser | undefined} */
  let browser;
  before(async () => {
    [retrace, browser] = await Promise.all([Retrace.up(options), launch()]);
  });
  after(async () => {
    await browser?.close();
    await retrace?.remove();
  });
  const started = () => {
    if (!retrace || !browser) throw new Error('asked for before it was started');
    return { retrace, browser };
  };
  return {
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
   */
    async open(t, path, look) {
      const { retrace, browser } = started();
      const made = await context(browser, look);
      const watch = await Watch.over(made, retrace.base);
      t.after(async () => {
        await made.close();
        watch.nothingWrong();
      });
      const page = await made.newPage();
      await page.goto(retrace.base + path);
      return { page, watch };
    },
  };
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
