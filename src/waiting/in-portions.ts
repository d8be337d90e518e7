/** All of a long list, a part at a time, between which others have their turn. */
export async function* inPortions<Each>(
  all: readonly Each[],
  size = PORTION,
): AsyncGenerator<readonly Each[]> {
  for (let at = 0; at < all.length; at += size) {
    yield all.slice(at, at + size)
    await new Promise<void>((resolve) => void setImmediate(resolve))
  }
}

const PORTION = 1000
