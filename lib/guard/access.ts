/**
 * May they: what an identity is allowed beyond what every certified client is.
 *
 * @module
 */

/**
 * Whether `identity` may register a public key for `client`: only for itself. Whoever could
 * register one for another would read what is sent to the other.
 */
export function mayRegisterKey(identity: string, client: string): boolean {
  return identity === client;
}
