import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cache } from './root.js';
import type { JavaSystem } from './java.js';

/**
 * Folders as a `format` command leaves them, kept below `.cache/templates` and copied for each instance: formatting
 * costs a whole JVM start. They depend on the system's jars only; ports and paths are not in them.
 */
export interface Template {
  readonly name: string;
  readonly system: JavaSystem;
  /** The instance's folders, by name in the template. */
  readonly folders: Readonly<Record<string, string>>;
}

async function placeOf({ name, system }: Template): Promise<string> {
  const jars = await readFile(join(cache, 'lib', system, 'classpath'));
  return join(cache, 'templates', `${name}-${createHash('sha256').update(jars).digest('hex').slice(0, 16)}`);
}

/** Puts the folders in place. Says whether there was such a template. */
export async function useTemplate(template: Template): Promise<boolean> {
  const place = await placeOf(template);
  if (!existsSync(place)) return false;
  for (const [name, folder] of Object.entries(template.folders))
    await cp(join(place, name), folder, { recursive: true });
  return true;
}

/** Keeps the folders for the next instance; of several writers at once the first wins. */
export async function saveTemplate(template: Template): Promise<void> {
  const place = await placeOf(template);
  const fresh = `${place}.${randomUUID()}`;
  await mkdir(fresh, { recursive: true });
  for (const [name, folder] of Object.entries(template.folders))
    await cp(folder, join(fresh, name), {
      recursive: true,
      filter: (path) => basename(path) !== 'in_use.lock',
    });
  try {
    await rename(fresh, place);
  } catch {
    // There is one already.
    await rm(fresh, { recursive: true, force: true });
  }
}
