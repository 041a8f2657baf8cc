// Debian's Chromium, and pages of it that may do nothing wrong.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { DEADLINE } from './until.js';

/** @typedef {import('playwright-core').Page} Page */

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--font-render-hinting=none',
];

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 360, height: 740 };

/** Starts it, with a profile that nobody has used before. */
export function launch() {
  const executablePath = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/**
 * What went wrong on the pages of a context: errors in the console, errors nobody caught, violations of the
 * policy, requests to any other host.
 */
export class Watch {
  /** @type {string[]} */
  #seen = [];
  /** @type {RegExp[]} */
  #excused = [];

  /** @param {import('playwright-core').BrowserContext} context @param {string} origin */
  static async over(context, origin) {
    const watch = new Watch();
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) => {
        console.error(`policy violated: ${violatedDirective} ${blockedURI} ${sample}`);
      });
    });
    /** @param {string} url */
    const foreign = (url) => {
      const { protocol, host } = new URL(url);
      const own = ['data:', 'blob:', 'about:'].includes(protocol) || host === new URL(origin).host;
      if (!own) watch.#seen.push(`a request to ${url}`);
    };
    context.on('request', (request) => foreign(request.url()));
    context.on('console', (message) => {
      if (message.type() !== 'error') return;
      watch.#seen.push(`console: ${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (error) => void watch.#seen.push(`uncaught: ${error.error().stack}`));
    context.on('page', (page) => {
      page.on('websocket', (socket) => foreign(socket.url()));
      page.on('crash', () => void watch.#seen.push('the page crashed'));
    });
    return watch;
  }

  /** Says that what looks like this is meant to happen here. @param {RegExp} pattern */
  excuse(pattern) {
    this.#excused.push(pattern);
  }

  /** Says that the gateway goes away here: what is asked meanwhile is turned away by one that stops, or reaches nobody. */
  excuseAway() {
    const cut = 'CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|CONTENT_LENGTH_MISMATCH|SOCKET_NOT_CONNECTED';
    this.excuse(new RegExp(`ERR_(${cut})|WebSocket connection|status of 503`));
  }

  /** Fails if anything went wrong. */
  nothingWrong() {
    assert.deepEqual(this.#seen.filter((seen) => !this.#excused.some((pattern) => pattern.test(seen))), []);
  }
}

/**
 * @typedef {object} Look
 * @property {'light' | 'dark'} [colorScheme]
 * @property {{width: number, height: number}} [viewport]
 */

/**
 * A context as every test and picture has it: one zone, one language, nothing that moves by itself.
 * @param {import('playwright-core').Browser} browser
 * @param {Look} [look]
 */
export async function context(browser, look = {}) {
  const { colorScheme = 'light', viewport = WIDE } = look;
  const made = await browser.newContext({
    colorScheme,
    viewport,
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  made.setDefaultTimeout(DEADLINE);
  return made;
}
