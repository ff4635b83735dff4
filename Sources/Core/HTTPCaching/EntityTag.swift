/// An entity tag (RFC 9110 8.8.3), compared byte by byte.
package struct EntityTag: Hashable, Sendable {
    /// Quotes included, as on the wire. A tag that came without quotes is kept so: it can only equal itself.
    let opaque: String
    let isWeak: Bool

    /// Nil for an empty value.
    package init?(_ value: some StringProtocol) {
        let value = FieldSyntax.trimmed(Substring(value))
        isWeak = value.utf8.starts(with: "W/".utf8)
        opaque = String(isWeak ? Substring(value.utf8.dropFirst(2)) : value)
        if opaque.isEmpty { return nil }
    }

    /// As it stands in a field.
    package var text: String { isWeak ? "W/" + opaque : opaque }

    /// RFC 9110 8.8.3.2: equal whatever their strength.
    func matchesWeakly(_ other: EntityTag) -> Bool { opaque.utf8.elementsEqual(other.opaque.utf8) }

    /// Equal, and both strong.
    package func matchesStrongly(_ other: EntityTag) -> Bool { !isWeak && !other.isWeak && matchesWeakly(other) }

    package static func == (a: EntityTag, b: EntityTag) -> Bool { a.isWeak == b.isWeak && a.matchesWeakly(b) }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(isWeak)
        for byte in opaque.utf8 { hasher.combine(byte) }
    }
}
