import type { Config } from './config.js';

/** Every secret of a configuration, revealed: for the scrubber that keeps them out of everything that leaves the worker. */
export function secretValues(config: Config): readonly string[] {
  const values = new Set<string>();
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('reveal' in node && typeof node.reveal === 'function') {
      const value = String((node.reveal as () => unknown)());
      if (value !== '') values.add(value);
      return;
    }
    for (const child of Object.values(node)) walk(child);
  };
  walk(config);
  return [...values].toSorted((a, b) => b.length - a.length);
}
