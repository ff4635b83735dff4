extension String {
    /// As paths are put behind it: a URL may be given with slashes at its end.
    var withoutTrailingSlashes: String {
        var url = self
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }
}
