import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cache } from './root.js';

export type JavaSystem = 'zookeeper' | 'kafka' | 'hadoop' | 'flink-1.20' | 'flink-2.2';

/** Quick starts and little memory; these servers live for minutes. */
const FAST = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-Xshare:auto'];
const SMALL = ['-XX:MaxMetaspaceSize=160m', '-Djava.net.preferIPv4Stack=true'];

/** What Hadoop and Flink reach into on Java 17. */
const OPENED = [
  'java.base/java.lang',
  'java.base/java.net',
  'java.base/java.io',
  'java.base/java.nio',
  'java.base/sun.nio.ch',
  'java.base/java.lang.reflect',
  'java.base/java.text',
  'java.base/java.time',
  'java.base/java.util',
  'java.base/java.util.concurrent',
  'java.base/java.util.concurrent.atomic',
  'java.base/java.util.concurrent.locks',
  'java.base/java.security',
].map((name) => `--add-opens=${name}=ALL-UNNAMED`);
const EXPORTED = ['java.base/sun.net.util', 'java.rmi/sun.rmi.registry'].map(
  (name) => `--add-exports=${name}=ALL-UNNAMED`,
);

export const jvmFlags = [...FAST, ...SMALL];
export const jvmFlagsOpened = [...FAST, ...SMALL, ...OPENED, ...EXPORTED];

/** The `java` of JAVA_HOME, else of PATH; set-up has checked that it is there and new enough. */
export const java =
  process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java');

/** The jars of one system in Maven's order, after the given folders. */
export function classPath(system: JavaSystem, ...before: readonly string[]): string {
  const folder = join(cache, 'lib', system);
  let names: string;
  try {
    names = readFileSync(join(folder, 'classpath'), 'utf8');
  } catch (error) {
    throw new Error(`the jars of ${system} are not in ${folder}: run "npm run setup"`, { cause: error });
  }
  const jars = names
    .split('\n')
    .filter((name) => name !== '')
    .map((name) => join(folder, name));
  return [...before, ...jars].join(delimiter);
}

/** The environment of a server: nothing of the caller's but what finding programs and folders needs. */
export function serverEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = ['PATH', 'JAVA_HOME', 'TMPDIR', 'LANG'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), ...more };
}
