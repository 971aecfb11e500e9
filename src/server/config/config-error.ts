/** Something is wrong with how the server was told to run. The message is for who started it. */
export class ConfigError extends Error {
  override readonly name: string = "ConfigError";
}
