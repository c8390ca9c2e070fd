import { Button } from './button.tsx';
import { tell } from './toasts.tsx';

/** A command of the command line, to be copied: for what the console cannot begin. */
export function CommandLine({ text }: { readonly text: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell('Copied.');
    } catch {
      tell('The browser did not allow copying. Select the command instead.', 'bad');
    }
  };
  return (
    <span class="command">
      <code>{text}</code>
      <Button look="quiet" icon="copy" onClick={() => void copy()}>
        Copy command
      </Button>
    </span>
  );
}
