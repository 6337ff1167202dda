import type { Secret } from '../domain/secret.js';
import type { Config } from './config.js';

const isSecret = (value: unknown): value is Secret =>
  typeof value === 'object' && value !== null && 'reveal' in value && typeof value.reveal === 'function';

/** Every secret of a configuration, revealed: for the scrubber that keeps them out of everything that leaves the worker. */
export function secretValues(config: Config): readonly string[] {
  const values = new Set<string>();
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if (isSecret(node)) {
      values.add(node.reveal());
      return;
    }
    if ('username' in node && 'password' in node && isSecret(node.password)) {
      // As it stands in an Authorization header.
      values.add(Buffer.from(`${String(node.username)}:${node.password.reveal()}`).toString('base64'));
    }
    for (const child of Object.values(node)) walk(child);
  };
  walk(config);
  return [...values].toSorted((a, b) => b.length - a.length);
}
