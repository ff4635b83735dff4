extension QRCode {
    /// A picture (SVG 1.1), black on white with its quiet zone, a unit a square. All that is dark is one path.
    package var svg: String {
        let zone = Self.quietZone
        var path = ""
        for y in 0..<side {
            for run in darkRuns(inRow: y) {
                path += "M\(run.lowerBound + zone) \(y + zone)h\(run.count)v1h-\(run.count)z"
            }
        }
        let whole = side + 2 * zone
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(whole) \(whole)" shape-rendering="crispEdges">\
            <rect width="\(whole)" height="\(whole)" fill="#fff"/><path fill="#000" d="\(path)"/></svg>

            """
    }
}
