/** What the log is about: asked for once. */

import { computed, signal } from '@preact/signals';
import { api, get } from './api.js';
import { parse } from './json.js';

/** @type {import('@preact/signals').Signal<import('./types.js').Domain | null>} */
export const domain = signal(null);

export async function loadDomain() {
  domain.value = await get(api('topics'));
}

const byName = computed(() => new Map(domain.value?.topics.map((topic, index) => [topic.name, { topic, index }])));

/**
 * @param {string} name
 * @returns {import('./types.js').Topic | undefined}
 */
export const topicOf = (name) => byName.value.get(name)?.topic;

/**
 * The class that gives a topic its colour: topics that come one after the other are far apart.
 *
 * @param {string} name
 */
export function hueOf(name) {
  const index = byName.value.get(name)?.index;
  return index === undefined ? 'hue-none' : `hue-${index % 10}`;
}

/** Fields that tell most of what a row is, the best first. */
const TELLING = ['name', 'title', 'status', 'recipient', 'amount', 'price'];

/**
 * What a person would call a row: its name, its status, or what else is short and tells something.
 *
 * @param {string} topic
 * @param {any} row
 * @returns {string}
 */
export function labelOf(topic, row) {
  if (row === null || typeof row !== 'object') return '';
  const fields = topicOf(topic)?.fields ?? [];
  const names = [...TELLING, ...fields.map((field) => field.name)].filter((name) => name in row);
  for (const name of names) {
    const kind = fields.find((field) => field.name === name)?.kind;
    const value = row[name];
    if (Array.isArray(value)) {
      const one = topicOf(name.replace(/_ids?$/, ''));
      return `${value.length} ${(value.length === 1 ? one?.name : one?.plural) ?? name}`;
    }
    if (kind === 'reference') continue;
    if (kind === 'seconds') return value ? name : `not ${name}`;
    if (typeof value === 'string' && value) return value;
    if (typeof value === 'number' || typeof value === 'bigint') return `${name} ${value}`;
  }
  return '';
}

/**
 * What a row says: of a journal's, whose rows are events as they were written, what the event is about.
 *
 * @param {string} topic
 * @param {any} row
 */
export function contentOf(topic, row) {
  if (topicOf(topic)?.kind !== 'journal' || typeof row?.event_data !== 'string') return row;
  try {
    return parse(row.event_data);
  } catch {
    return row;
  }
}
