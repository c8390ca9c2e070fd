import { Button } from './button.tsx';
import { tell } from './toasts.tsx';

/** A command to copy, for what the console cannot do. */
export function CommandLine({ text }: { readonly text: string }) {
  return <Copied text={text} what="command" />;
}

/** A text to copy. @param what it is, as the button says */
export function Copied({ text, what }: { readonly text: string; readonly what: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell('Copied.');
    } catch {
      tell(`The browser did not allow copying. Select the ${what} instead.`, 'bad');
    }
  };
  return (
    <span class="command">
      <code>{text}</code>
      <Button look="quiet" icon="copy" onClick={() => void copy()}>
        Copy {what}
      </Button>
    </span>
  );
}
