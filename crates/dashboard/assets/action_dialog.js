// The dialog that asks before an action, does it, and shows what came of it.
import { clean } from './format.js';
import { el, setText } from './dom.js';

/**
 * @typedef {{ label: string, isPlain?: boolean, send(): Promise<string>|string }} Choice `send` returns what came of
 *   it; it throws if nothing did
 * @typedef {{ title: string, content: Node[], choices: Choice[] }} Question
 */

/** Opens a dialog. It forgets itself when it is closed. @param {Question} question */
export function ask({ title, content, choices }) {
  const result = el('p', { class: 'action-result', role: 'status' });
  const cancel = el('button', { type: 'button', class: 'plain' }, 'Cancel');
  const buttons = choices.map((choice) => {
    const button = el('button', { type: 'button', class: choice.isPlain ? 'plain' : 'plain act' }, choice.label);
    button.addEventListener('click', () => act(choice));
    return button;
  });
  const dialog = el('dialog', { class: 'action', 'aria-labelledby': 'action-title' },
    el('h2', { id: 'action-title' }, title), ...content, result,
    el('div', { class: 'action-buttons' }, cancel, ...buttons));
  cancel.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());

  const act = async (/** @type {Choice} */ choice) => {
    for (const button of buttons) button.disabled = true;
    result.classList.remove('is-error');
    setText(result, 'Asking the server …');
    try {
      setText(result, clean(await choice.send()));
      for (const button of buttons) button.hidden = true;
      setText(cancel, 'Close');
      cancel.focus();
    } catch (error) {
      result.classList.add('is-error');
      setText(result, `Not done: ${clean(error instanceof Error ? error.message : error)}`);
      // What was wrong can be put right.
      for (const button of buttons) button.disabled = false;
      focus();
    }
  };
  // Who presses Enter without reading does no harm.
  const focus = () => (dialog.querySelector('input') ?? cancel).focus();

  document.body.append(dialog);
  dialog.showModal();
  focus();
}
