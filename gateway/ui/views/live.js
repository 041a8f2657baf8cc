import { html } from '../core/html.js';
export default function Live() { return html`<div class="view"><p class="nothing">soon</p></div>`; }
