module kettleandleaf.example/catalog

go 1.26
