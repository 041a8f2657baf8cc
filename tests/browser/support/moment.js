// What the State view shows, read back from the page, and the same told by the gateway.
import { becomes, until } from './until.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./retrace.js').Retrace} Retrace */

/** What a cell says: a link by what it leads to, the rest as text. @param {import('playwright-core').Locator} rows */
function texts(rows) {
  return rows.evaluateAll((rows) =>
    rows.map((row) =>
      [...row.children].map((cell) => {
        const links = [...cell.querySelectorAll('a.entity')].map((link) => {
          const times = link.parentElement?.textContent?.match(/×(\d+)$/)?.[1];
          return `${link.getAttribute('title')}${times ? ` ×${times}` : ''}`;
        });
        // Of what is long there is the beginning, and a button.
        return links.length ? links.join(', ') : (cell.querySelector('.text') ?? cell).textContent?.trim();
      }),
    ),
  );
}

/** The number that the page says it is at. @param {Page} page */
export async function numberOf(page) {
  const text = await page.locator('.moment .label b').textContent();
  return Number(text?.replaceAll(/[#,]/g, ''));
}

/** How many rows the tabs say there are. @param {Page} page @returns {Promise<Record<string, number>>} */
async function countsOf(page) {
  const tabs = await page.locator('.tabs a').allTextContents();
  return Object.fromEntries(tabs.map((tab) => tab.trim().split(/\s+/)).map(([name = '', count = '']) => [name, Number(count.replaceAll(',', ''))]));
}

/** Everything of a moment that the page shows. @param {Page} page */
export async function shownAt(page) {
  return {
    position: await page.locator('.moment .label code').textContent({ timeout: 1_000 }).catch(() => '0-0'),
    event: await page.locator('.happened a:text-is("Trace")').getAttribute('href', { timeout: 1_000 }).catch(() => null),
    counts: await countsOf(page),
    rows: await texts(page.locator('tbody.page tr')),
  };
}

/** A field's value as a cell tells it. @param {any} field @param {any} value */
function told({ kind, topic }, value) {
  if (value === null || value === undefined) return value === null ? 'none' : '';
  if (kind === 'reference') return `${topic} ${value}`;
  if (kind === 'references') {
    const ids = [...new Set(value)];
    const times = (/** @type {any} */ id) => value.filter((/** @type {any} */ other) => other === id).length;
    return ids.map((id) => `${topic} ${id}${times(id) > 1 ? ` ×${times(id)}` : ''}`).join(', ');
  }
  if (kind === 'seconds' && value > 0) return new Date(value * 1000).toISOString().replace('T', ' ').replace('Z', '');
  return value === '' ? 'empty' : String(value).slice(0, 160).trim();
}

/**
 * The same as the gateway has it.
 * @param {Retrace} retrace
 * @param {string} at the head, when empty
 * @param {string} topic
 * @param {string} [more] parameters
 */
export async function stateAt(retrace, at, topic, more = '') {
  const { topics } = await retrace.get('/api/v1/topics');
  const { fields, kind } = topics.find((/** @type {any} */ { name }) => name === topic);
  const content = (/** @type {any} */ row) => (kind === 'journal' ? JSON.parse(row.event_data) : row);
  const query = `${at && `at=${encodeURIComponent(at)}&`}topic=${topic}${more}`;
  const state = await retrace.get(`/api/v1/state?${query}`);
  const log = /[?&](log=[^&]+)/.exec(query)?.[1];
  return {
    position: state.at.position,
    event: state.event && `#/trace/${state.event.event_id}${log ? `?${log}` : ''}`,
    counts: state.counts,
    rows: state.rows.map((/** @type {any} */ { key, row }) => [
      `${topic} ${key}`,
      ...fields.map((/** @type {any} */ field) => told(field, content(row)[field.name])),
    ]),
  };
}

/** Waits until the page shows exactly what the gateway says. @param {Page} page @param {Awaited<ReturnType<typeof stateAt>>} state */
export const shows = (page, state) => becomes(() => shownAt(page), state);

/** Waits until there is a moment, and gives its number. @param {Page} page */
export async function arrived(page) {
  await page.locator('.moment .label b').waitFor();
  return numberOf(page);
}

/** Waits until the page is at a number. @param {Page} page @param {number} number */
export const reaches = (page, number) => becomes(() => numberOf(page), number);

/** Waits until the address says where the page is. @param {Page} page @param {string} position */
export const addressed = (page, position) =>
  until(`the address has ${position}`, () => page.url().includes(`at=${position}`));
