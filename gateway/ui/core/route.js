/**
 * Where one is: each view has an address of its own behind the `#`, so that it can be linked, reloaded and gone back to,
 * and no path of the domain is taken.
 */

import { signal } from '@preact/signals';

/**
 * @typedef {object} Route
 * @property {string} view the first segment
 * @property {string[]} parts the others
 * @property {Record<string, string>} query
 */

/** @returns {Route} */
function read() {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [view = '', ...parts] = path.split('/').filter(Boolean).map(decoded);
  return { view, parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = signal(read());

addEventListener('hashchange', () => {
  route.value = read();
});

/**
 * A path with parameters; those that are null, undefined or empty are left out.
 *
 * @param {string[]} parts its segments, as they are
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function addressOf(parts, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `${parts.map(encodeURIComponent).join('/')}${text && `?${text}`}`;
}

/**
 * The address of a view.
 *
 * @param {string[]} parts
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export const href = (parts, query) => `#/${addressOf(parts, query)}`;

/**
 * Goes somewhere; with `replace`, without a step to go back.
 *
 * @param {string} address as {@link href} gives it
 * @param {{replace?: boolean}} [how]
 */
export function go(address, { replace = false } = {}) {
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  route.value = read();
}

/**
 * Where one is by now: somebody may have clicked a link that {@link route}, or who follows it, has not heard of yet.
 *
 * @returns {Route}
 */
export const here = () => read();

/**
 * Changes parameters of where one is.
 *
 * @param {Record<string, string | number | null | undefined>} changed
 * @param {{replace?: boolean}} [how]
 */
export function setQuery(changed, how = { replace: true }) {
  const { view, parts, query } = here();
  go(href([view, ...parts], { ...query, ...changed }), how);
}
