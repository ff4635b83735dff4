extension String {
    /// As paths are put behind it: a URL may be given with slashes at its end.
    package var withoutTrailingSlashes: String {
        var url = self
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }
}
