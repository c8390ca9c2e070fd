import { OTHERS } from '../navigation.ts';
import { Icon } from '../ui/icon.tsx';
import { PageHead } from '../ui/parts.tsx';

/** The screens that have no room in a phone's bar. */
export function More() {
  return (
    <div class="page">
      <PageHead title="More" />
      <nav class="card more" aria-label="More screens">
        {OTHERS.map(({ path, name, icon }) => (
          <a key={path} href={`#/${path}`}>
            <Icon name={icon} />
            {name}
          </a>
        ))}
      </nav>
    </div>
  );
}
