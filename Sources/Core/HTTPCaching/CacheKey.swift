/// What a stored response is found by: the target URI, whatever the method (RFC 9111 2). Nothing is normalised but the
/// fragment, which is no part of a target: an origin may tell `%41` from `A` and `a/../b` from `b`, and taking two of its
/// resources for one would serve one in the other's place, while telling one resource's two names apart only costs room.
package struct CacheKey: Hashable, Sendable {
    /// `http` or `https`, and the authority as configured for the upstream.
    package let origin: String
    /// Raw path and query, from the slash on, percent-encoding untouched.
    package let target: String

    package init(scheme: String, authority: String, target: String) {
        self.init(origin: scheme + "://" + authority, target: target)
    }

    /// `origin`: scheme and authority, without a slash at the end.
    package init(origin: String, target: String) {
        self.origin = origin
        self.target = String(FieldSyntax.prefix(target, before: "#"))
    }

    package var text: String { origin + target }

    /// By bytes: `String`'s own equality holds for texts of different bytes.
    package static func == (a: CacheKey, b: CacheKey) -> Bool {
        a.target.utf8.elementsEqual(b.target.utf8) && a.origin.utf8.elementsEqual(b.origin.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        let done: Void? = target.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if done == nil { for byte in target.utf8 { hasher.combine(byte) } }
    }
}
