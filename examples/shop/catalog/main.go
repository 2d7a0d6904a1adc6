package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"time"
)

type tea struct {
	Name  string `json:"name"`
	Price string `json:"price"`
}

var teas = []tea{{"Assam Mangalam", "8.90"}, {"Sencha Uji", "12.50"}, {"Keemun", "10.20"}}

func main() {
	check := flag.Bool("check", false, "ask a running catalog whether it is well")
	flag.Parse()
	if *check {
		client := http.Client{Timeout: 2 * time.Second}
		answer, err := client.Get("http://127.0.0.1:8080/healthz")
		if err != nil || answer.StatusCode != http.StatusOK {
			log.Fatalf("asking the catalog: %v", err)
		}
		return
	}
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/teas", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(teas)
	})
	server := http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
