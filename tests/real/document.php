<?php
// A store of whole documents as legacy ones are: a write takes its time, and puts back what it was given.
//
//   GET    document.php/NAME             the document, lines of text
//   PUT    document.php/NAME             replaces it by the body
//   PUT    document.php/NAME?wait        the same, once there is a file NAME.txt.go, or half a minute has passed

$file = getenv('STORE') . '/' . basename($_SERVER['PATH_INFO'] ?? '') . '.txt';

if ($_SERVER['REQUEST_METHOD'] === 'PUT') {
    $body = file_get_contents('php://input');
    touch("$file.at-work");
    for ($turn = 0; isset($_GET['wait']) && !is_file("$file.go") && $turn < 3000; $turn++) {
        usleep(10000);
        clearstatcache();
    }
    file_put_contents("$file." . getmypid(), $body);
    rename("$file." . getmypid(), $file);
    unlink("$file.at-work");
}

header('Content-Type: text/plain; charset=utf-8');
header('Cache-Control: no-store');
echo is_file($file) ? file_get_contents($file) : '';
