<?php
// A document store as legacy ones are: a write reads the document, thinks, and puts it back; whoever wrote meanwhile is lost.
//
//   GET    store.php/documents/NAME   the document, a JSON list of lines
//   PUT    the same                   adds the body to it as one line, and answers with the document

$name = basename($_SERVER['PATH_INFO'] ?? '');
$file = getenv('STORE') . "/$name.json";
$lines = is_file($file) ? json_decode(file_get_contents($file)) : [];

if ($_SERVER['REQUEST_METHOD'] === 'PUT') {
    $lines[] = file_get_contents('php://input');
    usleep(random_int(15000, 45000));
    file_put_contents("$file." . getmypid(), json_encode($lines));
    rename("$file." . getmypid(), $file);
}

header('Content-Type: application/json');
header('Cache-Control: no-store');
echo json_encode($lines);
