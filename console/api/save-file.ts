/** Hands the file of a response to the browser. @returns its name */
export async function saveFile(response: Response): Promise<string> {
  const name = fileNameOf(response.headers.get('content-disposition') ?? '');
  const url = URL.createObjectURL(await response.blob());
  saveAs(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return name;
}

/** Has the browser save what is at an address. */
export function saveAs(url: string, fileName: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.rel = 'noreferrer';
  link.click();
}

function fileNameOf(disposition: string): string {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  if (encoded !== undefined) return decodeURIComponent(encoded);
  return /filename="((?:[^"\\]|\\.)*)"/.exec(disposition)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? 'backup';
}
