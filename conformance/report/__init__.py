"""Reports: ``build`` makes report.json, everything else here only reads it. No renderer counts anything."""
