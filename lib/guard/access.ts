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

/**
 * Whether `identity` may copy the broker's database: only an admin, for the copy has everybody's
 * messages in it, encrypted as they are.
 */
export function mayBackUp(identity: string, admins: readonly string[]): boolean {
  return admins.includes(identity);
}
