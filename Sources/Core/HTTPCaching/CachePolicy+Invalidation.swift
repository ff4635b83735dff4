extension CachePolicy {
    /// The keys whose stored responses are no longer to be used (RFC 9111 4.4): after a non-error answer (2xx, 3xx) to a
    /// method that is not known to be safe, the target, and what `Location` and `Content-Location` name on its origin.
    /// `origins`: other names of the key's origin, scheme and authority, as clients know the edge.
    package func invalidated(by request: CacheRequest, status: Int, fields: HeaderFields, origins: [String] = [])
        -> [CacheKey]
    {
        guard !Self.safeMethods.contains(request.method), (200...399).contains(status) else { return [] }
        var keys = [request.key]
        for name in ["Location", "Content-Location"] {
            guard let reference = fields[name], let key = request.key.resolve(reference, origins: origins) else {
                continue
            }
            if !keys.contains(key) { keys.append(key) }
        }
        return keys
    }

    /// RFC 9110 9.2.1. Method names are case-sensitive, and one that is not known may change anything.
    private static let safeMethods: Set = ["GET", "HEAD", "OPTIONS", "TRACE"]
}
