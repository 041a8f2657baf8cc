/** Asking the gateway. */

import { signal } from '@preact/signals';
import { parse } from './json.js';
import { addressOf } from './route.js';

const TOKEN = 'retrace-token';

/** Whether a header can carry it. @param {string} text */
export const isToken = (text) => /^[\x20-\x7e]+$/.test(text);

const stored = sessionStorage.getItem(TOKEN) ?? '';

/** The token that requests carry; kept until the tab is closed. */
export const token = signal(isToken(stored) ? stored : '');

/** Why a token is asked for, while one is. */
export const tokenWanted = signal(/** @type {string | null} */ (null));

/** What the gateway says no to for good: the same question has the same answer. */
const FINAL = [400, 404, 422];

/** A gateway's no, or none at all. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 where nobody answered
   * @param {string} message a sentence
   * @param {any} [problem] the problem document
   */
  constructor(status, message, problem) {
    super(message);
    this.status = status;
    this.problem = problem;
  }

  /** Whether to ask again is in vain. */
  get isFinal() {
    return FINAL.includes(this.status);
  }
}

/**
 * @param {string} given
 */
export function useToken(given) {
  token.value = given;
  sessionStorage.setItem(TOKEN, given);
  tokenWanted.value = null;
}

/** A path of the gateway with parameters. */
export const address = addressOf;

/** @param {string[]} path under `/api/v1` */
export const api = (...path) => ['api', 'v1', ...path];

/**
 * @param {string[]} path
 * @param {Record<string, string | number | null | undefined>} [query]
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>} the result
 */
export const get = (path, query, options) => ask('GET', address(path, query), undefined, options);

/**
 * @param {string[]} path
 * @param {any} [body] JSON, or a Blob that is sent as it is
 * @param {{headers?: Record<string, string>, query?: Record<string, string | number | null | undefined>, heard?: Heard}} [options]
 * @returns {Promise<any>} the result
 */
export const post = (path, body, options) => ask('POST', address(path, options?.query), body, options);

/**
 * @param {string[]} path
 * @param {any} body
 * @param {{heard?: Heard}} [options]
 * @returns {Promise<any>} the result
 */
export const put = (path, body, options) => ask('PUT', address(path), body, options);

/**
 * @param {string[]} path
 * @param {{heard?: Heard}} [options]
 * @returns {Promise<any>} the result
 */
export const del = (path, options) => ask('DELETE', address(path), undefined, options);

/** @typedef {(headers: Headers) => void} Heard is given the headers of the answer, whatever it is */

/**
 * @param {string} method
 * @param {string} url
 * @param {any} [body]
 * @param {{signal?: AbortSignal, headers?: Record<string, string>, heard?: Heard}} [options]
 */
async function ask(method, url, body, { signal: aborted, headers = {}, heard } = {}) {
  const request = new Headers(headers);
  const sent = token.value;
  if (sent) request.set('authorization', `Bearer ${sent}`);
  if (body !== undefined && !(body instanceof Blob)) {
    request.set('content-type', 'application/json');
    body = JSON.stringify(body);
  }
  let response;
  let text;
  try {
    response = await fetch(url, { method, headers: request, body, signal: aborted });
    text = await response.text();
  } catch (error) {
    if (aborted?.aborted) throw error;
    throw new ApiError(0, 'The gateway does not answer.');
  }
  heard?.(response.headers);
  const { ok, status } = response;
  const answer = read(text);
  if (ok && answer) return answer.result;
  const said = answer ? (answer.detail ?? answer.error ?? `The gateway answered with status ${status}.`) : `The gateway's answer (status ${status}) is no JSON.`;
  // A no to a token that has been replaced by now says nothing about the one that is used.
  if (status === 401 && sent === token.value) tokenWanted.value = sent ? said : 'This gateway asks who you are.';
  throw new ApiError(status, said, answer);
}

/** @param {string} text */
function read(text) {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
