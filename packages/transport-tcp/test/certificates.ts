/** A certificate authority of the test's own, and what it signs, made by openssl(1). */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Credentials {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Authority {
  constructor(
    private readonly directory: string,
    private readonly name = 'authority',
  ) {
    const { key, cert } = this.paths(name);
    this.openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      key,
      '-out',
      cert,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
    );
  }

  /** As paths. `addresses`: what it is valid for, such as `IP:127.0.0.1`. */
  issue(name: string, addresses = 'IP:127.0.0.1'): Credentials {
    const { key, cert, request, extensions } = this.paths(name);
    const own = this.paths(this.name);
    writeFileSync(extensions, `subjectAltName=${addresses}\n`);
    this.openssl('req', '-new', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    const signed = [
      '-CA',
      own.cert,
      '-CAkey',
      own.key,
      '-CAcreateserial',
      '-extfile',
      extensions,
      '-days',
      '2',
    ];
    this.openssl('x509', '-req', '-in', request, '-out', cert, ...signed);
    return { key, cert, ca: own.cert };
  }

  private paths(name: string): Record<'key' | 'cert' | 'request' | 'extensions', string> {
    const at = (suffix: string): string => join(this.directory, `${name}.${suffix}`);
    return { key: at('key'), cert: at('crt'), request: at('csr'), extensions: at('ext') };
  }

  private openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

export function asText({ key, cert, ca }: Credentials): Credentials {
  const text = (path: string): string => readFileSync(path, 'utf8');
  return { key: text(key), cert: text(cert), ca: text(ca) };
}
