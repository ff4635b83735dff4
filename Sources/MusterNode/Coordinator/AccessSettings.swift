/// Who is let in without a token, and to what.
package struct AccessSettings: Hashable, Sendable {
    /// `--private`: reading pictures needs the read token too.
    package var isPrivate = false
    /// `--open-classic`: old clients, which know no tokens, may use the classic routes.
    package var isClassicOpen = false
    /// `muster up`'s default: whoever sits at this machine may do everything.
    package var trustsLoopback = false

    package init() {}
}
