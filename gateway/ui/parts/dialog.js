/** Questions before something is done, and words after it. */

import { html, signal, useLayoutEffect, useRef } from '../core/html.js';

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {any} [body]
 * @property {string} action what the button says
 * @property {boolean} [dangerous]
 */

const question = signal(/** @type {(Question & {answer: (yes: boolean) => void}) | null} */ (null));
const said = signal(/** @type {{id: number, text: string, isError: boolean}[]} */ ([]));
let last = 0;

/** How long words stay, milliseconds. */
const STAY = 6_000;

/**
 * Asks before something is done.
 *
 * @param {Question} asked
 * @returns {Promise<boolean>}
 */
export function confirm(asked) {
  question.value?.answer(false);
  return new Promise((resolve) => {
    question.value = {
      ...asked,
      answer: (yes) => {
        question.value = null;
        resolve(yes);
      },
    };
  });
}

/**
 * Does something after somebody has agreed to it; says that it is done, or why it can't be.
 *
 * @param {Question} asked
 * @param {() => Promise<any>} act
 * @param {string} [done] what to say then
 * @returns {Promise<'done' | 'failed' | 'left'>} left where nobody agreed
 */
export async function agreed(asked, act, done) {
  if (!(await confirm(asked))) return 'left';
  try {
    await act();
  } catch (error) {
    say(/** @type {Error} */ (error));
    return 'failed';
  }
  if (done) say(done);
  return 'done';
}

/**
 * Says what has been done, or why not.
 *
 * @param {string | Error} what
 */
export function say(what) {
  const id = (last += 1);
  const isError = what instanceof Error;
  said.value = [...said.value.slice(-2), { id, text: isError ? what.message : what, isError }];
  setTimeout(() => hush(id), isError ? 2 * STAY : STAY);
}

/** @param {number} id */
function hush(id) {
  said.value = said.value.filter((one) => one.id !== id);
}

export function Dialogs() {
  return html`
    ${question.value && html`<${Asking} ...${question.value} />`}
    <div class="said" role="log" aria-live="polite">
      ${said.value.map(
        ({ id, text, isError }) =>
          html`<p key=${id} class=${isError ? 'bad' : ''}>
            ${text} <button class="quiet" aria-label="Close" onClick=${() => hush(id)}>×</button>
          </p>`,
      )}
    </div>
  `;
}

/** @param {Question & {answer: (yes: boolean) => void}} props */
function Asking({ title, body, action, dangerous, answer }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const [before, shown] = [document.activeElement, dialog.current];
    shown?.showModal();
    // A dialog that is taken away gives nothing back by itself, and as long as it is open nothing else takes the focus.
    return () => {
      shown?.close();
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  const close = (/** @type {Event} */ event) => {
    event.preventDefault();
    answer(false);
  };
  return html`<dialog ref=${dialog} onCancel=${close} aria-labelledby="question">
    <h2 id="question">${title}</h2>
    <div>${body}</div>
    <p class="buttons">
      <button onClick=${() => answer(false)}>Cancel</button>
      <button class=${dangerous ? 'danger' : 'main'} onClick=${() => answer(true)}>${action}</button>
    </p>
  </dialog>`;
}
